import { isObject, type JsonObject } from '@shoal/protocol/json';
import type { ErrorForm } from './api-request.ts';

/** Values that a field of each kind may not have. Null counts as absent. */
const WRONG = {
  text: [7, true, ['x'], {}],
  flag: ['true', 1, [], {}],
  number: ['1', true, [1], {}],
  range: ['1', true, [1], {}, 1e308, -1e308],
  whole: ['1', true, [1], {}, 0.5, 1e308, -1],
  texts: [7, true, {}, [7], [null], [{}]],
  items: [7, true, {}, ['x'], [7], [null], [[]], [{}]],
  objects: ['x', 7, true, {}, ['x'], [7], [null], [[]]],
  object: ['x', 7, true, []],
  choice: ['no such choice', 7, true, ['x'], {}],
  level: ['no such level', 7, ['x'], {}],
  duration: ['soon', true, [], {}, '1'.repeat(100)],
  format: ['xml', 7, true, []],
  content: [7, true, {}, [7], ['x'], [null], [{}], [{ type: 7 }], [{ type: 'text' }], [{ type: 'image' }]],
  biases: ['x', 7, [], { x: 1 }, { '-1': 1 }, { '1': 'x' }, { '1': 1e9 }, { '99999999999': 1 }],
  prompt: [7, true, {}, [], ['a', 'b'], [-1], [0.5], [1e308], [[]], [null]],
  vectors: [7, true, {}, [], [''], [1, 2], [[1, 2]], ['a', 7], [null], ''],
  unsupported: ['x', 7, true, [7], { x: 1 }],
} as const satisfies Readonly<Record<string, readonly unknown[]>>;

type Fields = Readonly<Record<string, keyof typeof WRONG>>;

/** One endpoint with the fields that it reads. */
export interface Endpoint {
  readonly form: ErrorForm;
  readonly path: string;
  readonly method: 'POST' | 'DELETE';
  /** All of its fields are valid. */
  readonly body: JsonObject;
  /** The fields that may not be absent, as paths such as `messages.0.role`. */
  readonly required: readonly string[];
  readonly fields: Fields;
}

const MESSAGES = [{ role: 'user', content: 'Hi' }];
const FUNCTION = { name: 'time', description: 'Tells the time.', parameters: { type: 'object' } };
const TOOLS = [{ type: 'function', function: FUNCTION }];
const FUNCTION_FIELDS: Fields = { name: 'text', description: 'text', parameters: 'object' };
const TOOL_FIELDS: Fields = { tools: 'objects', ...within('tools.0.function', FUNCTION_FIELDS) };
const NUCLEUS: Fields = { temperature: 'range', top_p: 'range', top_k: 'whole', min_p: 'range' };
const PENALTIES: Fields = { presence_penalty: 'range', frequency_penalty: 'range', repeat_penalty: 'range' };
const SAMPLING: Fields = { max_tokens: 'whole', ...NUCLEUS, ...PENALTIES, logit_bias: 'biases', seed: 'whole' };
const OPENAI_CALL: Fields = { model: 'text', models: 'texts', n: 'whole', stream: 'flag', stream_options: 'object' };
const OLLAMA_SAMPLING: Fields = {
  ...Object.fromEntries(Object.keys({ ...NUCLEUS, ...PENALTIES }).map((name) => [name, 'number' as const])),
  num_ctx: 'number',
  num_predict: 'number',
  num_gpu: 'number',
  use_mmap: 'flag',
  stop: 'texts',
};
const OLLAMA_CALL: Fields = {
  model: 'text',
  keep_alive: 'duration',
  options: 'object',
  ...within('options', OLLAMA_SAMPLING),
};
const OLLAMA_ANSWER: Fields = {
  ...OLLAMA_CALL,
  stream: 'flag',
  truncate: 'flag',
  format: 'format',
  think: 'level',
  logprobs: 'flag',
  top_logprobs: 'whole',
};
const ANTHROPIC_TOOL = { name: 'time', description: 'Tells the time.', input_schema: { type: 'object' } };
const ANTHROPIC: Fields = {
  model: 'text',
  models: 'texts',
  messages: 'objects',
  'messages.0.role': 'choice',
  'messages.0.content': 'content',
  system: 'content',
  stop_sequences: 'texts',
  ...NUCLEUS,
  tools: 'objects',
  ...within('tools.0', { name: 'text', description: 'text', input_schema: 'object' }),
  tool_choice: 'object',
  'tool_choice.type': 'choice',
  thinking: 'object',
  'thinking.type': 'choice',
  'output_config.format.type': 'choice',
};
const ANTHROPIC_BODY = { model: 'echo', messages: MESSAGES, tools: [ANTHROPIC_TOOL], tool_choice: { type: 'auto' } };

/** Every endpoint that takes a body. */
export const ENDPOINTS: readonly Endpoint[] = [
  {
    ...openAi('chat/completions', { model: 'echo', messages: MESSAGES, tools: TOOLS }),
    required: ['messages', 'messages.0.role', 'messages.0.content', 'tools.0.type', 'tools.0.function.name'],
    fields: {
      ...OPENAI_CALL,
      ...SAMPLING,
      ...TOOL_FIELDS,
      max_completion_tokens: 'whole',
      repetition_penalty: 'range',
      'stream_options.include_usage': 'flag',
      messages: 'objects',
      'messages.0.role': 'choice',
      'messages.0.content': 'content',
      stop: 'texts',
      logprobs: 'flag',
      top_logprobs: 'whole',
      tool_choice: 'choice',
      parallel_tool_calls: 'flag',
      response_format: 'object',
      'response_format.type': 'choice',
      reasoning_effort: 'text',
      reasoning: 'object',
      'reasoning.enabled': 'flag',
      chat_template_kwargs: 'object',
      functions: 'unsupported',
      audio: 'unsupported',
      guided_json: 'unsupported',
    },
  },
  {
    ...openAi('completions', { model: 'echo', prompt: 'Hi' }),
    required: ['prompt'],
    fields: {
      ...OPENAI_CALL,
      ...SAMPLING,
      prompt: 'prompt',
      logprobs: 'whole',
      best_of: 'whole',
      echo: 'flag',
      suffix: 'unsupported',
    },
  },
  {
    ...openAi('embeddings', { model: 'echo', input: 'Hi' }),
    required: ['input'],
    fields: {
      model: 'text',
      models: 'texts',
      input: 'vectors',
      encoding_format: 'choice',
      dimensions: 'unsupported',
    },
  },
  {
    ...openAi('responses', { model: 'echo', input: MESSAGES, tools: [{ type: 'function', ...FUNCTION }] }),
    required: ['input', 'input.0.content', 'tools.0.type', 'tools.0.name'],
    fields: {
      ...NUCLEUS,
      model: 'text',
      models: 'texts',
      input: 'items',
      'input.0.role': 'choice',
      'input.0.content': 'content',
      instructions: 'text',
      max_output_tokens: 'whole',
      tools: 'objects',
      ...within('tools.0', FUNCTION_FIELDS),
      tool_choice: 'choice',
      parallel_tool_calls: 'flag',
      previous_response_id: 'text',
      store: 'flag',
      stream: 'flag',
      metadata: 'object',
      include: 'texts',
      top_logprobs: 'whole',
      max_tool_calls: 'whole',
      reasoning: 'object',
      text: 'object',
      'text.format.type': 'choice',
      background: 'unsupported',
      conversation: 'unsupported',
      prompt: 'unsupported',
    },
  },
  {
    ...anthropic('', { ...ANTHROPIC_BODY, max_tokens: 9 }),
    required: ['messages', 'messages.0.role', 'messages.0.content', 'max_tokens', 'tools.0.name'],
    fields: { ...ANTHROPIC, max_tokens: 'whole', stream: 'flag' },
  },
  { ...anthropic('/count_tokens', ANTHROPIC_BODY), required: ['messages'], fields: ANTHROPIC },
  {
    ...ollama('chat', { model: 'echo', messages: MESSAGES, tools: TOOLS, stream: false }),
    required: ['model', 'messages.0.role', 'tools.0.function.name'],
    fields: {
      ...OLLAMA_ANSWER,
      ...TOOL_FIELDS,
      messages: 'objects',
      'messages.0.role': 'choice',
      'messages.0.content': 'text',
      'messages.0.images': 'unsupported',
    },
  },
  {
    ...ollama('generate', { model: 'echo', prompt: 'Hi', stream: false }),
    required: ['model'],
    fields: {
      ...OLLAMA_ANSWER,
      prompt: 'text',
      system: 'text',
      raw: 'flag',
      context: 'unsupported',
      template: 'unsupported',
      suffix: 'unsupported',
      images: 'unsupported',
    },
  },
  {
    ...ollama('embed', { model: 'echo', input: 'Hi' }),
    required: ['model'],
    fields: { ...OLLAMA_CALL, input: 'texts', truncate: 'flag', dimensions: 'whole' },
  },
  {
    ...ollama('embeddings', { model: 'echo', prompt: 'Hi' }),
    required: ['model'],
    fields: { ...OLLAMA_CALL, prompt: 'text' },
  },
  {
    ...ollama('show', { model: 'echo' }),
    required: ['model'],
    fields: { model: 'text', name: 'text', verbose: 'flag' },
  },
  {
    ...ollama('pull', { model: 'file:nowhere' }),
    required: ['model'],
    fields: { model: 'text', name: 'text', stream: 'flag' },
  },
  {
    ...ollama('copy', { source: 'nowhere', destination: 'elsewhere' }),
    required: ['source', 'destination'],
    fields: { source: 'text', destination: 'text' },
  },
  {
    ...ollama('delete', { model: 'nowhere' }),
    method: 'DELETE',
    required: ['model'],
    fields: { model: 'text', name: 'text' },
  },
  {
    ...control('prompt', { request: { input: { type: 'messages', messages: MESSAGES }, sampling: {}, stop: [] } }),
    required: ['request', 'request.input', 'request.sampling', 'request.stop', 'request.input.messages'],
    fields: {
      cluster: 'text',
      request: 'object',
      ...within('request', {
        input: 'object',
        'input.type': 'choice',
        'input.messages': 'objects',
        'input.messages.0.role': 'choice',
        'input.messages.0.content': 'text',
        'sampling.temperature': 'range',
        'sampling.maxTokens': 'whole',
        stop: 'texts',
        model: 'text',
        tools: 'objects',
        logprobs: 'whole',
        reasoning: 'flag',
        countOnly: 'flag',
        keepAliveMs: 'number',
        deadlineMs: 'whole',
      }),
    },
  },
  { ...control('clusters', { id: 'cluster' }), required: ['id'], fields: { id: 'text' } },
];

/** Returns copies of a body, each with one field that has a wrong value or is absent, and the name of that field. */
export function malformedBodies({ body, fields, required }: Endpoint): (readonly [field: string, body: JsonObject])[] {
  const wrong = Object.entries(fields).flatMap(([path, kind]) =>
    WRONG[kind].map((value) => [nameIn(path), replaced(body, path.split('.'), value)] as const),
  );
  return [...wrong, ...required.map((path) => [nameIn(path), replaced(body, path.split('.'), undefined)] as const)];
}

function openAi(path: string, body: JsonObject) {
  return { form: 'openai', path: `/v1/${path}`, method: 'POST', body } as const;
}

function anthropic(path: string, body: JsonObject) {
  return { form: 'anthropic', path: `/v1/messages${path}`, method: 'POST', body } as const;
}

function ollama(path: string, body: JsonObject) {
  return { form: 'ollama', path: `/api/${path}`, method: 'POST', body } as const;
}

function control(path: string, body: JsonObject) {
  return { form: 'shoal', path: `/shoal/v1/${path}`, method: 'POST', body } as const;
}

function within(path: string, fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).map(([name, kind]) => [`${path}.${name}`, kind]));
}

/** The last name of a path, which an error has. */
function nameIn(path: string): string {
  return path.split('.').findLast((name) => name !== '0') ?? path;
}

/** Objects on the way that are missing are added. */
function replaced(container: unknown, [name = '', ...inner]: readonly string[], value: unknown): JsonObject {
  const object = isObject(container) ? container : {};
  if (inner.length === 0) return { ...object, [name]: value };
  const child = object[name];
  const [index, ...deeper] = inner;
  if (Array.isArray(child) && index === '0') return { ...object, [name]: [replacedItem(child[0], deeper, value)] };
  return { ...object, [name]: replaced(child, inner, value) };
}

function replacedItem(item: unknown, path: readonly string[], value: unknown): unknown {
  return path.length === 0 ? value : replaced(item, path, value);
}

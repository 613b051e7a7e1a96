import {
  type Finish,
  type InferenceEvent,
  type InferenceRequest,
  type JsonObject,
  type Message,
  ShoalError,
  type Usage,
} from '@shoal/protocol';
import { countIn, objectIn, objectsIn, textIn } from '../http/json.ts';
import type { ModelServer } from '../http/server.ts';
import { newCallId, toolsInWords } from '../http/tools.ts';
import { failures, refused } from './errors.ts';
import { readEvents } from './event-stream.ts';
import { grammarOf, messagesInWords, schemaOf } from './prompt.ts';
import { samplingInWords } from './sampling.ts';
import { openStream } from './stream.ts';

const REASONS: ReadonlyMap<string, Finish['reason']> = new Map([
  ['stop', 'stop'],
  ['length', 'length'],
  ['tool_calls', 'tool_calls'],
]);

/**
 * The answer to a chat with tools, by `POST /v1/chat/completions`: llama-server knows how the model's template writes tool
 * calls, keeps the model to it, and reads them. It tells no token ids then.
 */
export async function* chatWithTools(
  server: ModelServer,
  request: InferenceRequest,
  messages: readonly Message[],
  model: string,
  signal: AbortSignal,
): AsyncGenerator<InferenceEvent, undefined> {
  const answer = new ToolChat(model);
  const body = await openStream(server, 'v1/chat/completions', orderOf(request, messages), signal);
  for await (const events of readEvents(body)) {
    for (const event of events) yield* answer.read(event);
  }
  yield answer.end();
}

function orderOf(request: InferenceRequest, messages: readonly Message[]): object {
  const {
    tools = [],
    toolChoice = 'auto',
    parallelToolCalls = true,
    sampling,
    stop,
    format,
    logprobs,
    resume,
  } = request;
  if (resume !== undefined) {
    throw ShoalError.generationFailed('An answer with tools that was begun elsewhere cannot be gone on with here.');
  }
  if (logprobs !== undefined) {
    throw ShoalError.generationFailed('How likely the tokens of an answer with tools are is not to be had here.');
  }
  const named = typeof toolChoice === 'object' ? tools.filter(({ name }) => name === toolChoice.name) : tools;
  // What of a schema cannot be kept to is refused: llama-server leaves it out.
  grammarOf(format);
  const schema = schemaOf(format);
  return {
    messages: messagesInWords(messages),
    tools: toolsInWords(named),
    tool_choice: typeof toolChoice === 'object' ? 'required' : toolChoice,
    parallel_tool_calls: parallelToolCalls,
    max_tokens: sampling.maxTokens,
    ...samplingInWords(sampling),
    stop: stop.filter((text) => text !== ''),
    ...(schema !== undefined && { response_format: { type: 'json_schema', json_schema: { schema } } }),
    // What a model thinks is text here, as it is without tools.
    reasoning_format: 'none',
    stream_options: { include_usage: true },
  };
}

class ToolChat {
  readonly #model: string;
  /** The calls that have begun. */
  readonly #begun = new Set<number>();
  #rawReason: string | undefined;
  #usage: Usage | undefined;

  constructor(model: string) {
    this.#model = model;
  }

  *read(event: JsonObject): Generator<InferenceEvent> {
    const error = objectIn(event, 'error');
    if (error !== undefined) throw refused(countIn(error, 'code') ?? 0, event);
    this.#usage = readUsage(objectIn(event, 'usage')) ?? this.#usage;
    const [choice] = objectsIn(event, 'choices');
    this.#rawReason = textIn(choice, 'finish_reason') ?? this.#rawReason;
    const delta = objectIn(choice, 'delta');
    const text = textIn(delta, 'content');
    if (text !== undefined) yield { type: 'text', text, tokens: [] };
    for (const call of objectsIn(delta, 'tool_calls')) yield this.#call(call);
  }

  end(): InferenceEvent {
    const rawReason = this.#rawReason ?? 'none';
    const reason = REASONS.get(rawReason);
    if (reason === undefined) throw failures.brokenOff(`llama-server ended with ${rawReason}.`);
    return {
      type: 'finish',
      reason,
      rawReason,
      usage: this.#usage,
      model: this.#model,
    };
  }

  #call(call: JsonObject): InferenceEvent {
    const index = countIn(call, 'index') ?? 0;
    const said = objectIn(call, 'function');
    const isFirst = !this.#begun.has(index);
    this.#begun.add(index);
    const name = textIn(said, 'name');
    if (isFirst && name === undefined) throw failures.unreadable('A tool call begins without a name.');
    return {
      type: 'tool_call',
      index,
      ...(isFirst && name !== undefined && { id: textIn(call, 'id') ?? newCallId(), name }),
      arguments: textIn(said, 'arguments') ?? '',
      tokens: [],
    };
  }
}

function readUsage(usage: JsonObject | undefined): Usage | undefined {
  const [promptTokens, completionTokens] = [countIn(usage, 'prompt_tokens'), countIn(usage, 'completion_tokens')];
  if (promptTokens === undefined || completionTokens === undefined) return undefined;
  const cachedTokens = countIn(objectIn(usage, 'prompt_tokens_details'), 'cached_tokens');
  return { promptTokens, completionTokens, cachedTokens };
}

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  createRequest,
  codeOf,
  firstText,
  receive,
  receiveRest,
  reasonOf,
  unaborted,
  usageOf,
} from '../contracts/answers.ts';
import { engineContract } from '../contracts/index.ts';
import type { Engine } from '../engine.ts';
import { createLlamaServer } from './index.ts';
import { LLAMA_SERVER, NO_LLAMA_SERVER } from '../testing/llama-server-binary.ts';

const MODEL_PATH = fileURLToPath(new URL('../../../../models/demo/shoal-demo.gguf', import.meta.url));
const LONG = 'Count to 100.';
const OPTIONS = {
  modelPath: MODEL_PATH,
  binary: LLAMA_SERVER ?? '',
  threads: 1,
  gpuLayers: 0,
  slots: 2,
} as const;
const RUNS_AHEAD = 'llama-server does not pause; it stores the unread rest of an answer in memory';

if (LLAMA_SERVER === undefined) {
  test('llama-server: the engine contract', { skip: NO_LLAMA_SERVER });
} else {
  engineContract(
    'llama-server',
    async () => createLlamaServer(OPTIONS),
    { short: 'What is 2+2?', long: LONG },
    { 'a consumer that stops reading pauses the generation': RUNS_AHEAD },
  );
}

suite('the llama-server engine', { skip: NO_LLAMA_SERVER }, () => {
  let engine: Engine;
  let processId = 0;
  let contextLength = 0;
  before(async () => {
    const log = (_: string, text: string) => (processId = pidIn(text) ?? processId);
    engine = createLlamaServer({ ...OPTIONS, log });
    const [model] = await engine.models();
    contextLength = model?.contextLength ?? 0;
  });
  after(() => engine.close());

  test('the model has the name of its file, a digest and a description', async () => {
    const [model] = await engine.models();
    assert.equal(model?.id, 'shoal-demo');
    assert.match(model.digest ?? '', /^sha256:[0-9a-f]{64}$/);
    assert.equal(model.quantization, 'F16');
    assert.ok(model.abilities?.includes('embeddings') && !model.abilities.includes('tools'));
    const [resident] = (await engine.resident?.()) ?? [];
    assert.equal(resident?.device, 'cpu');
    assert.ok(process.platform !== 'linux' || (resident.memoryBytes ?? 0) > 1_000_000);
  });

  test('a question has the right answer', async () => {
    assert.match((await receive(engine, createRequest('What is 2+2?'))).text, /4/);
  });

  test('the usage counts the tokens of the answer, which has no control text', async () => {
    const received = await receive(engine, createRequest(LONG));
    assert.equal(usageOf(received).completionTokens, received.tokens.length);
    assert.doesNotMatch(received.text, /<\|/);
  });

  test('a character of several tokens is received whole, with all of its tokens', async () => {
    const text = 'h\u{1F600}é€';
    const format = { type: 'json_schema', schema: { const: text } } as const;
    const received = await receive(engine, createRequest('What is 2+2?', { format, sampling: { maxTokens: 60 } }));
    assert.equal(received.text, JSON.stringify(text));
    assert.ok(received.tokens.length > received.text.length);
    assert.equal(usageOf(received).completionTokens, received.tokens.length);
  });

  test('a conversation and its tokens have the same answer', async () => {
    const received = await receive(engine, createRequest('What is 2+2?'));
    // The ids of the demo model's template around the question.
    const tokens = [0, 325, 281, 35, 53, 46, 53, 66, 2, 1];
    const again = await receive(engine, createRequest('', { input: { type: 'tokens', tokens } }));
    const text = '<|user|>What is 2+2?<|end|><|assistant|>';
    const asText = await receive(engine, createRequest('', { input: { type: 'text', text } }));
    assert.deepEqual([again.text, asText.text], [received.text, received.text]);
    assert.equal(usageOf(received).promptTokens, tokens.length);
    assert.equal(usageOf(asText).promptTokens, tokens.length);
  });

  test('a prompt that does not fit is refused with both numbers', async () => {
    const tokens = Array.from({ length: contextLength }, () => 1);
    const { end } = await receive(engine, createRequest('', { input: { type: 'tokens', tokens } }));
    assert.ok(end.type === 'error');
    assert.equal(end.error.code, 'CONTEXT_EXCEEDED');
    assert.ok(end.error.message.includes(`${tokens.length} tokens`));
    assert.ok(end.error.message.includes(`holds ${contextLength}`));
    const input = { type: 'embeddings', texts: ['long '.repeat(contextLength)] } as const;
    assert.equal(codeOf(await receive(engine, createRequest('', { input }))), 'CONTEXT_EXCEEDED');
  });

  test('a full context ends an answer with length', async () => {
    const tokens = Array.from({ length: contextLength - 2 }, () => 1);
    const received = await receive(engine, createRequest('', { input: { type: 'tokens', tokens } }));
    assert.ok(reasonOf(received) === 'length' || usageOf(received).completionTokens < 2);
    assert.ok(usageOf(received).completionTokens <= 2);
  });

  test('a token that the vocabulary does not have is refused', async () => {
    for (const token of [-1, 0.5, 1_000_000]) {
      const received = await receive(engine, createRequest('', { input: { type: 'tokens', tokens: [token] } }));
      assert.equal(codeOf(received), 'INVALID_REQUEST');
    }
  });

  test('an invalid schema and one that is not supported or too complex are refused', async () => {
    const many = Object.fromEntries(Array.from({ length: 3_000 }, (_, index) => [`p${index}`, { type: 'string' }]));
    for (const schema of [{ type: 'strange' }, { type: 'object', minProperties: 5 }, { properties: many }]) {
      const format = { type: 'json_schema', schema } as const;
      assert.equal(codeOf(await receive(engine, createRequest('What is 2+2?', { format }))), 'INVALID_REQUEST');
    }
  });

  test('an answer in JSON is not resumed', async () => {
    const options = { format: { type: 'json' }, sampling: { temperature: 0, maxTokens: 20 } } as const;
    const { tokens } = await receive(engine, createRequest('What is 2+2?', options));
    const resume = { text: '', tokens: tokens.slice(0, 2) };
    assert.equal(
      codeOf(await receive(engine, createRequest('What is 2+2?', { ...options, resume }))),
      'GENERATION_FAILED',
    );
  });

  test('other users cannot access the server: its socket is private, and its key is not an argument', async (context) => {
    if (process.platform !== 'linux') return context.skip('the command line is read from /proc');
    const args = await commandLine(processId);
    const socketPath = args[args.indexOf('--host') + 1] ?? '';
    assert.equal((await stat(dirname(socketPath))).mode & 0o077, 0);
    assert.ok(!args.some((arg) => arg.includes('key')));
  });

  test('the server does not get the secrets of this process’s environment', async (context) => {
    if (process.platform !== 'linux') return context.skip('the environment is read from /proc');
    process.env['SHOAL_CANARY_TOKEN'] = 'canary-4f1d';
    context.after(() => delete process.env['SHOAL_CANARY_TOKEN']);
    let pid = 0;
    const other = createLlamaServer({ ...OPTIONS, log: (_, text) => (pid = pidIn(text) ?? pid) });
    await other.models();
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8');
    await other.close();
    assert.match(environment, /PATH=/);
    assert.doesNotMatch(environment, /canary/);
  });

  test('the requests of a killed process fail, and a new process answers the next request', async () => {
    const [first, second] = [LONG, LONG].map((prompt) =>
      engine.generate(createRequest(prompt), unaborted())[Symbol.asyncIterator](),
    );
    assert.ok(first && second);
    await Promise.all([firstText(first), firstText(second)]);
    const killed = processId;
    process.kill(killed, 'SIGKILL');
    for (const events of [first, second]) {
      const rest = await receiveRest({ [Symbol.asyncIterator]: () => events });
      assert.equal(codeOf(rest), 'GENERATION_FAILED');
    }
    assert.equal(reasonOf(await receive(engine, createRequest('What is 2+2?'))), 'stop');
    assert.notEqual(processId, killed);
  });
});

test(
  'a stopped server is replaced within 2 s, and its answer ends once',
  { skip: NO_LLAMA_SERVER },
  async (context) => {
    let pid = 0;
    const engine = createLlamaServer({ ...OPTIONS, log: (_, text) => (pid = pidIn(text) ?? pid) });
    context.after(() => engine.close());
    await engine.models();
    // The demo model answers in milliseconds, so the server is stopped before the request.
    const stopped = pid;
    process.kill(stopped, 'SIGSTOP');
    const stoppedAt = performance.now();
    assert.equal(codeOf(await receive(engine, createRequest(LONG))), 'GENERATION_FAILED');
    const silentMs = performance.now() - stoppedAt;
    assert.deepEqual(engine.unavailable?.(), ['shoal-demo']);
    assert.ok(silentMs < 2_500, `${silentMs} ms`);
    assert.equal((await receive(engine, createRequest('What is 2+2?'))).text, '4');
    assert.notEqual(pid, stopped);
    assert.deepEqual(engine.unavailable?.(), []);
  },
);

suite('a model whose template supports tools', { skip: NO_LLAMA_SERVER }, () => {
  /** The id of `{`, with which calls begin in this template. The demo model does not generate it by itself. */
  const BRACE = 126;
  const TOOL = {
    name: 'turn',
    parameters: { type: 'object', properties: { direction: { enum: ['left', 'right'] } }, required: ['direction'] },
  } as const;
  const CALLING = {
    tools: [TOOL],
    toolChoice: { name: TOOL.name },
    parallelToolCalls: false,
    sampling: { temperature: 0, maxTokens: 120, logitBias: [[BRACE, 100]] },
  } as const;
  let folder: string;
  let engine: Engine;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'shoal-tools-'));
    const [template, binary] = [join(folder, 'template.jinja'), join(folder, 'llama-server')];
    await writeFile(template, TOOL_TEMPLATE);
    await writeFile(binary, `#!/bin/sh\nexec "${LLAMA_SERVER}" "$@" --chat-template-file "${template}"\n`);
    await chmod(binary, 0o700);
    engine = createLlamaServer({ ...OPTIONS, binary });
  });
  after(async () => {
    await engine.close();
    await rm(folder, { recursive: true });
  });

  test('the model calls the tool with JSON arguments', async () => {
    assert.ok((await engine.models())[0]?.abilities?.includes('tools'));
    const received = await receive(engine, createRequest('Turn.', CALLING));
    assert.equal(reasonOf(received), 'tool_calls');
    const [call, ...others] = received.toolCalls;
    assert.equal(others.length, 0);
    assert.equal(call?.name, TOOL.name);
    assert.notEqual(call.id, '');
    assert.match(call.arguments, /^\s*\{\s*"direction"\s*:\s*"(left|right)"\s*\}\s*$/);
    assert.ok(usageOf(received).completionTokens > 5);
  });

  test('the model answers after the result of the tool', async () => {
    const messages = [
      { role: 'user', content: 'Turn.' },
      {
        role: 'assistant',
        content: '',
        toolCalls: [{ id: 'one', name: TOOL.name, arguments: '{"direction":"left"}' }],
      },
      { role: 'tool', content: 'done', toolCallId: 'one' },
    ] as const;
    const input = { type: 'messages', messages } as const;
    const received = await receive(
      engine,
      createRequest('', { input, tools: [TOOL], toolChoice: 'none', sampling: { maxTokens: 4 } }),
    );
    assert.notEqual(received.text, '');
    assert.deepEqual(received.toolCalls, []);
  });

  test('an answer with tools is not resumed', async () => {
    const received = await receive(engine, createRequest('Turn.', { ...CALLING, resume: { text: 'a', tokens: [] } }));
    assert.equal(codeOf(received), 'GENERATION_FAILED');
  });
});

suite('a model that cannot be loaded', { skip: NO_LLAMA_SERVER }, () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'shoal-llama-'));
  });
  after(() => rm(folder, { recursive: true }));

  const cases = [
    { what: 'a file that is not GGUF', name: 'text.gguf', content: 'not a model', reason: /text\.gguf.*not a GGUF/ },
    {
      what: 'a GGUF file with invalid content',
      name: 'garbage.gguf',
      content: `GGUF${'\u0003'.repeat(4_000)}`,
      reason: /garbage/,
    },
    { what: 'a missing file', name: 'missing.gguf', content: undefined, reason: /missing\.gguf.*cannot be read/ },
  ];
  for (const { what, name, content, reason } of cases) {
    test(`${what} is refused with its name, which a peer does not get`, async () => {
      const modelPath = join(folder, name);
      if (content !== undefined) await writeFile(modelPath, content);
      const engine = createLlamaServer({ ...OPTIONS, modelPath });
      try {
        await assert.rejects(engine.models(), { name: 'ShoalError', message: reason });
        const { end } = await receive(engine, createRequest('What is 2+2?'));
        assert.ok(end.type === 'error' && end.error.code === 'GENERATION_FAILED');
        assert.ok(!end.error.message.includes(name), 'a peer does not get the name');
      } finally {
        await engine.close();
      }
    });
  }
});

test('a program that cannot be run is named', async () => {
  const engine = createLlamaServer({ ...OPTIONS, binary: '/nowhere/llama-server' });
  await assert.rejects(engine.models(), { name: 'ShoalError', message: /nowhere/ });
  await engine.close();
});

test('a server that a signal ends while it loads is reported at once, with the name of the signal', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'shoal-llama-'));
  context.after(() => rm(folder, { recursive: true }));
  const binary = join(folder, 'llama-server');
  await writeFile(binary, '#!/bin/sh\nkill -KILL $$\n', { mode: 0o700 });
  const engine = createLlamaServer({ ...OPTIONS, binary });
  await assert.rejects(engine.models(), { name: 'ShoalError', message: /llama-server ended \(SIGKILL\)/ });
  await engine.close();
});

test('the server ends when its owner is killed', { skip: NO_LLAMA_SERVER }, async (context) => {
  if (process.platform !== 'linux') return context.skip('the command line is read from /proc');
  const script = fileURLToPath(new URL('testing/orphan.ts', import.meta.url));
  const owner = spawn(process.execPath, [script, MODEL_PATH, OPTIONS.binary], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line]: unknown[] = await once(owner.stdout.setEncoding('utf8'), 'data');
  const args = await commandLine(Number(line));
  const socketPath = args[args.indexOf('--host') + 1] ?? '';
  const connection = connect(socketPath);
  await once(connection, 'connect');
  const ended = once(connection.resume(), 'close');
  owner.kill('SIGKILL');
  await ended;
  const again = connect(socketPath);
  const [error]: unknown[] = await once(again, 'error');
  assert.match(String(error), /ECONNREFUSED|ENOENT/);
  await rm(dirname(socketPath), { recursive: true, force: true });
});

function pidIn(text: string): number | undefined {
  const [, pid] = /in process (\d+)/.exec(text) ?? [];
  return pid === undefined ? undefined : Number(pid);
}

async function commandLine(pid: number): Promise<readonly string[]> {
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
}

const TOOL_TEMPLATE = `
{%- if tools %}{{- '<|user|>Tools: ' }}{%- for tool in tools %}{{- tool | tojson }}{%- endfor %}{{- '<|end|>' }}{%- endif %}
{%- for message in messages %}
{%- if message.role == 'assistant' %}{{- '<|assistant|>' }}
{%- if message.content %}{{- message.content }}{%- endif %}
{%- for call in message.tool_calls or [] %}
{{- '{"name": "' + call.function.name + '", "arguments": ' + (call.function.arguments | tojson) + '}' }}
{%- endfor %}{{- '<|end|>' }}
{%- elif message.role == 'tool' %}{{- '<|user|><tool_response>' + message.content + '</tool_response><|end|>' }}
{%- else %}{{- '<|user|>' + message.content + '<|end|>' }}{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|assistant|>' }}{%- endif %}`;

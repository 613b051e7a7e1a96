import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { after, before, beforeEach, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createRequest, codeOf, firstText, receive, receiveRest, reasonOf, usageOf } from '../contracts/answers.ts';
import { engineContract } from '../contracts/index.ts';
import { createOllama } from './index.ts';
import { embedderOf } from './testing/embedder.ts';
import { CONTEXT_TOKENS, findOllama, RealOllama } from './testing/real-ollama.ts';

const MODEL_PATH = fileURLToPath(new URL('../../../../models/demo/shoal-demo.gguf', import.meta.url));
/** Ollama only has chat templates for well-known models. Its default penalty would change the counting. */
const MODELFILE = `FROM ${MODEL_PATH}
TEMPLATE """{{ range .Messages }}{{ if eq .Role "user" }}<|user|>{{ .Content }}<|end|>{{ end }}{{ end }}<|assistant|>"""
PARAMETER repeat_penalty 1
PARAMETER num_thread 1
PARAMETER stop "<|user|>"
`;
/** Ollama reports the ability `tools` for a model whose template uses tools. */
const TOOLS_MODELFILE = `FROM ${MODEL_PATH}
TEMPLATE """{{ if .Tools }}{{ .Tools }}{{ end }}{{ range .Messages }}{{ if eq .Role "user" }}<|user|>{{ .Content }}<|end|>{{ else if eq .Role "tool" }}{{ .Content }}{{ else }}{{ range .ToolCalls }}<tool_call>{"name": "{{ .Function.Name }}", "arguments": {{ .Function.Arguments }}}</tool_call>{{ end }}{{ end }}{{ end }}<|assistant|>"""
PARAMETER num_thread 1
PARAMETER stop "<|user|>"
`;
const ABILITIES = ['messages', 'prompt', 'json', 'logprobs'] as const;
const SHORT = 'What is 2+2?';
const LONG = 'Count from 30 to 90.';

const binary = findOllama();

if (binary === undefined) {
  test('with a real Ollama', { skip: 'Ollama is not installed; .ci/install-ollama builds it in some minutes' });
} else {
  suite('with a real Ollama', () => testWith(new RealOllama(binary)));
}

function testWith(ollama: RealOllama): void {
  const create = (changes: { model?: string | undefined; contextLength?: number | undefined } = {}) =>
    createOllama({ baseUrl: ollama.address, model: 'shoal-demo', contextLength: CONTEXT_TOKENS, ...changes });

  const start = async (): Promise<void> => {
    await ollama.start();
    await ollama.create('shoal-demo', MODELFILE);
    await ollama.create('shoal-tools', TOOLS_MODELFILE);
    await ollama.createFrom('shoal-embedder', embedderOf(await readFile(MODEL_PATH)));
  };
  /** Restarts Ollama if it hangs, which this version sometimes does after a cancelled request. */
  const ensureRunning = async (): Promise<void> => {
    if (await ollama.answers('shoal-demo')) return;
    await ollama.stop();
    await start();
  };

  before(start);
  beforeEach(ensureRunning);
  after(() => ollama.stop());

  engineContract(
    'ollama',
    async () => {
      await ensureRunning();
      return create();
    },
    { short: SHORT, long: LONG },
    {
      'an answer continues after the text of another worker': 'Ollama cannot continue an answer',
      'the context length of a request limits its prompt and answer': 'Ollama adds a token beyond the context',
      'a required tool is called': 'Ollama does not support it',
      'logit bias can forbid a token': 'Ollama does not support it',
    },
  );

  test('the digest of a model is that of its GGUF file', async () => {
    const digest = `sha256:${createHash('sha256')
      .update(await readFile(MODEL_PATH))
      .digest('hex')}`;
    const known = { digest, contextLength: 1024, quantization: 'F16' };
    const [demo, tools, embedder] = await create().models();
    assert.deepEqual(demo, { id: 'shoal-demo:latest', ...known, abilities: ABILITIES });
    assert.deepEqual(tools, { id: 'shoal-tools:latest', ...known, abilities: [...ABILITIES, 'tools'] });
    assert.deepEqual([embedder?.id, embedder?.abilities], ['shoal-embedder:latest', ['embeddings']]);
  });

  test('a conversation with tools, their calls and their results is accepted', async () => {
    const tools = [{ name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } }];
    const toolCalls = [{ id: 'call_1', name: 'weather', arguments: '{"city":"Oslo"}' }];
    const messages = [
      { role: 'user', content: 'How is the weather in Oslo?' },
      { role: 'assistant', content: '', toolCalls },
      { role: 'tool', content: 'Rain.', toolCallId: 'call_1' },
      { role: 'user', content: SHORT },
    ] as const;
    const input = { type: 'messages', messages } as const;
    const received = await receive(
      create(),
      createRequest('', { model: 'shoal-tools', input, tools, sampling: { maxTokens: 8 } }),
    );
    assert.notEqual(reasonOf(received), 'abort');
  });

  test('models in memory are listed', async () => {
    const engine = create();
    await receive(engine, createRequest(SHORT));
    const loaded = (await engine.resident?.())?.find(({ id }) => id === 'shoal-demo:latest');
    assert.ok(loaded !== undefined && (loaded.memoryBytes ?? 0) > 0 && (loaded.leavesInMs ?? 0) > 0);
    assert.partialDeepStrictEqual(loaded, { device: 'cpu', contextLength: CONTEXT_TOKENS, active: 0 });
  });

  test('a prompt, a conversation and raw text have the same answer, in pieces', async () => {
    const prompt = await receive(create(), createRequest(SHORT));
    assert.equal(prompt.text, '4');
    const system = { role: 'system', content: 'Be brief.' } as const;
    const messages = [system, { role: 'user', content: SHORT }] as const;
    assert.equal((await receive(create(), createRequest('', { input: { type: 'messages', messages } }))).text, '4');
    const text = `<|user|>${SHORT}<|end|><|assistant|>`;
    assert.equal((await receive(create(), createRequest('', { input: { type: 'text', text } }))).text, '4');
    assert.equal((await receive(create(), createRequest(LONG, { sampling: { maxTokens: 20 } }))).pieces, 20);
  });

  test('an abort stops the generation', async (context) => {
    const { promptTokens } = usageOf(await receive(create(), createRequest(SHORT)));
    const { completionTokens: whole } = usageOf(await receive(create(), createRequest(LONG)));
    const abort = new AbortController();
    const events = create().generate(createRequest(LONG), abort.signal)[Symbol.asyncIterator]();
    await firstText(events);
    abort.abort();
    assert.equal(reasonOf(await receiveRest({ [Symbol.asyncIterator]: () => events })), 'abort');
    // The log of the next request, which uses the same slot, has the number of tokens in the cache.
    const cacheLine = ollama.logged(new RegExp(`loading cache slot.* cache=(\\d+) prompt=${promptTokens} `));
    // Awaited below, unless the test is skipped first.
    cacheLine.catch(() => undefined);
    const next = await receive(create(), createRequest(SHORT), AbortSignal.timeout(10_000));
    if (reasonOf(next) === 'abort') return context.skip('this Ollama hangs after an abort');
    const [, inCache] = await cacheLine;
    assert.ok(Number(inCache) < whole / 2, `${inCache} of ${whole} tokens`);
  });

  test('a prompt that does not fit is refused, and a full context ends an answer with length', async () => {
    const narrow = create({ contextLength: 40 });
    assert.equal(codeOf(await receive(narrow, createRequest('word '.repeat(100)))), 'CONTEXT_EXCEEDED');
    assert.equal(reasonOf(await receive(narrow, createRequest(LONG))), 'length');
  });

  test('a missing model and a stopped server have different errors', async () => {
    await assert.rejects(create({ model: 'llama3.2' }).models(), {
      code: 'OLLAMA_MODEL_NOT_AVAILABLE',
      message: /there are: .*shoal-demo:latest/,
    });
    const engine = create();
    await engine.models();
    await ollama.stop();
    assert.equal(codeOf(await receive(engine, createRequest(SHORT))), 'OLLAMA_NOT_FOUND');
    await assert.rejects(engine.models(), { code: 'OLLAMA_NOT_FOUND' });
  });
}

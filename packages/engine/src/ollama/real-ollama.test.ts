import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { after, before, beforeEach, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ask, codeOf, firstText, hear, hearRest, reasonOf, usageOf } from '../contracts/answers.ts';
import { engineContract } from '../contracts/index.ts';
import { createOllama } from './index.ts';
import { CONTEXT_TOKENS, findOllama, RealOllama } from './testing/real-ollama.ts';

const MODEL_PATH = fileURLToPath(new URL('../../../../models/demo/shoal-demo.gguf', import.meta.url));
/** Ollama knows the chat templates of well-known models only; its penalty would spoil the counting. */
const MODELFILE = `FROM ${MODEL_PATH}
TEMPLATE """{{ range .Messages }}{{ if eq .Role "user" }}<|user|>{{ .Content }}<|end|>{{ end }}{{ end }}<|assistant|>"""
PARAMETER repeat_penalty 1
PARAMETER num_thread 1
PARAMETER stop "<|user|>"
`;
const SHORT = 'What is 2+2?';
const LONG = 'Count from 30 to 90.';

const binary = findOllama();

if (binary === undefined) {
  test('with a real Ollama', { skip: 'Ollama is not here: .ci/install-ollama builds it, which takes some minutes' });
} else {
  suite('with a real Ollama', () => testWith(new RealOllama(binary)));
}

function testWith(ollama: RealOllama): void {
  const create = (changes: { model?: string; contextLength?: number } = {}) =>
    createOllama({ baseUrl: ollama.address, model: 'shoal-demo', contextLength: CONTEXT_TOKENS, ...changes });

  const start = async (): Promise<void> => {
    await ollama.start();
    await ollama.create('shoal-demo', MODELFILE);
  };
  /**
   * This Ollama now and then answers nobody any more after a request was taken back, whoever took it back: then it is started
   * anew, because what is tested is our part.
   */
  const revive = async (): Promise<void> => {
    if (await ollama.answers('shoal-demo')) return;
    await ollama.stop();
    await start();
  };

  before(start);
  beforeEach(revive);
  after(() => ollama.stop());

  engineContract(
    'ollama',
    async () => {
      await revive();
      return create();
    },
    { short: SHORT, long: LONG },
    { 'an answer goes on after what another worker said': 'Ollama cannot go on with an answer' },
  );

  test('a model is known by the digest of its GGUF file', async () => {
    const digest = `sha256:${createHash('sha256')
      .update(await readFile(MODEL_PATH))
      .digest('hex')}`;
    assert.deepEqual(await create().models(), [
      { id: 'shoal-demo:latest', digest, contextLength: 1024, quantization: 'F16' },
    ]);
  });

  test('a prompt, a conversation and raw text are answered alike, in pieces', async () => {
    const prompt = await hear(create(), ask(SHORT));
    assert.equal(prompt.text, '4');
    const system = { role: 'system', content: 'Be brief.' } as const;
    const messages = [system, { role: 'user', content: SHORT }] as const;
    assert.equal((await hear(create(), ask('', { input: { type: 'messages', messages } }))).text, '4');
    const text = `<|user|>${SHORT}<|end|><|assistant|>`;
    assert.equal((await hear(create(), ask('', { input: { type: 'text', text } }))).text, '4');
    assert.equal((await hear(create(), ask(LONG, { sampling: { maxTokens: 20 } }))).pieces, 20);
  });

  test('an abort stops the generation', async (context) => {
    const { promptTokens } = usageOf(await hear(create(), ask(SHORT)));
    const { completionTokens: whole } = usageOf(await hear(create(), ask(LONG)));
    const abort = new AbortController();
    const events = create().generate(ask(LONG), abort.signal)[Symbol.asyncIterator]();
    await firstText(events);
    abort.abort();
    assert.equal(reasonOf(await hearRest({ [Symbol.asyncIterator]: () => events })), 'abort');
    // The next request, for which there is no other place, finds in the cache as many tokens as were made until then.
    const place = ollama.logged(new RegExp(`loading cache slot.* cache=(\\d+) prompt=${promptTokens} `));
    place.catch(() => undefined);
    const next = await hear(create(), ask(SHORT), AbortSignal.timeout(10_000));
    if (reasonOf(next) === 'abort') return context.skip('this Ollama answers nobody any more after an abort');
    const [, inCache] = await place;
    assert.ok(Number(inCache) < whole / 2, `${inCache} of ${whole} tokens`);
  });

  test('a prompt that does not fit is refused, and a full context ends an answer with length', async () => {
    const narrow = create({ contextLength: 40 });
    assert.equal(codeOf(await hear(narrow, ask('word '.repeat(100)))), 'CONTEXT_EXCEEDED');
    assert.equal(reasonOf(await hear(narrow, ask(LONG))), 'length');
  });

  test('a missing model and a stopped server are told apart', async () => {
    await assert.rejects(create({ model: 'llama3.2' }).models(), {
      code: 'OLLAMA_MODEL_NOT_AVAILABLE',
      message: /there are: shoal-demo:latest/,
    });
    const engine = create();
    await engine.models();
    await ollama.stop();
    assert.equal(codeOf(await hear(engine, ask(SHORT))), 'OLLAMA_NOT_FOUND');
    await assert.rejects(engine.models(), { code: 'OLLAMA_NOT_FOUND' });
  });
}

import assert from 'node:assert/strict';
import { after, afterEach, before, mock, suite, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { ErrorCode } from '@shoal/protocol/error';
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
import { createOllama } from './index.ts';
import { FAKE_DIGEST } from './testing/fake-models.ts';
import { FakeOllama, type FakeOllamaRequest, type OllamaFault } from './testing/fake-ollama.ts';

const LONG = Array.from({ length: 300 }, (_, index) => `word${index}`).join(' ');
const SKIPS = {
  'an answer continues after the text of another worker': 'Ollama cannot continue an answer',
  'a required tool is called': 'Ollama does not support it',
  'the context length of a request limits its prompt and answer': 'the fake has no context',
  'JSON by schema is valid': 'the fake ignores schemas',
  'log probabilities come with their tokens': 'the fake has the same log probabilities for each word',
  'logit bias can forbid a token': 'Ollama does not support it',
} as const;
const ABILITIES = ['messages', 'prompt', 'json', 'logprobs'] as const;
/** Longer than the socket buffers. */
const MORE_THAN_BUFFERS = 'A rather long sentence, once more. '.repeat(50_000);

const fake = await FakeOllama.start();
after(() => fake.stop());

engineContract(
  'ollama, with a fake of it',
  async () => createOllama({ baseUrl: fake.address, model: 'parrot', slots: 2 }),
  { short: 'Hello there.', long: LONG },
  SKIPS,
);

suite('the ollama engine', () => {
  let engine: Engine;
  before(() => {
    engine = createOllama({ baseUrl: fake.address, model: 'parrot' });
  });
  afterEach(() => {
    fake.fault = undefined;
    fake.hasModels = true;
    fake.onRequest = () => {};
    fake.onDisconnect = () => {};
    mock.timers.reset();
  });
  after(() => engine.close());

  test('the configured model comes first, and only usable local models are offered', async () => {
    assert.deepEqual(await engine.models(), [
      {
        id: 'parrot:latest',
        digest: FAKE_DIGEST,
        contextLength: 2048,
        quantization: 'Q4_K_M',
        abilities: [...ABILITIES, 'tools', 'reasoning'],
      },
      { id: 'seer:7b', abilities: ABILITIES },
      { id: 'embedder:latest', digest: FAKE_DIGEST, abilities: ['embeddings'] },
    ]);
    const other = createOllama({ baseUrl: fake.address, model: 'giant:cloud', contextLength: 100 });
    assert.deepEqual((await other.models())[0], { id: 'giant:cloud', contextLength: 100, abilities: ABILITIES });
    const [first] = await createOllama({ baseUrl: fake.address }).models();
    assert.equal(first?.id, 'seer:7b');
    const [chosen] = await createOllama({ baseUrl: fake.address, model: 'embedder' }).models();
    assert.equal(chosen?.id, 'embedder:latest');
  });

  test('the error of a missing model names the command and the existing models', async () => {
    const missing = createOllama({ baseUrl: fake.address, model: 'llama3.2' });
    await assert.rejects(missing.models(), {
      code: 'OLLAMA_MODEL_NOT_AVAILABLE',
      message: /ollama pull llama3\.2"; there are: seer:7b, parrot:latest/,
    });
    assert.equal(codeOf(await receive(missing, createRequest('Hello'))), 'OLLAMA_MODEL_NOT_AVAILABLE');
    fake.hasModels = false;
    await assert.rejects(createOllama({ baseUrl: fake.address }).models(), { code: 'OLLAMA_MODEL_NOT_AVAILABLE' });
  });

  test('if Ollama does not run, the error names command and address to the owner, and no address to a peer', async () => {
    const gone = await FakeOllama.start();
    await gone.stop();
    const unreachable = createOllama({ baseUrl: gone.address });
    await assert.rejects(unreachable.models(), (error: Error & { code?: string | undefined }) => {
      assert.equal(error.code, 'OLLAMA_NOT_FOUND');
      assert.match(error.message, /ollama serve/);
      assert.ok(error.message.includes(gone.address));
      return true;
    });
    const { end } = await receive(unreachable, createRequest('Hello'));
    assert.ok(end.type === 'error' && end.error.code === 'OLLAMA_NOT_FOUND');
    assert.ok(!end.error.message.includes(gone.address));
  });

  test('a server that is not Ollama is reported as such', async () => {
    const elsewhere = createOllama({ baseUrl: `http://${fake.address}/elsewhere` });
    await assert.rejects(elsewhere.models(), { code: 'OLLAMA_NOT_FOUND', message: /elsewhere\/ is not Ollama/ });
  });

  test('models in memory are listed with open requests and the time until they are unloaded', async () => {
    fake.expiresAt = new Date(Date.now() + 60_000).toISOString();
    const [parrot, seer] = (await engine.resident?.()) ?? [];
    const { leavesInMs = 0, ...rest } = parrot ?? {};
    const known = { id: 'parrot:latest', digest: FAKE_DIGEST, memoryBytes: 1_000, device: 'cpu', contextLength: 2048 };
    assert.deepEqual(rest, { ...known, active: 0 });
    assert.ok(leavesInMs > 0 && leavesInMs <= 60_000);
    assert.deepEqual(seer, { id: 'seer:7b', memoryBytes: 2_000, active: 0 });
    const events = engine.generate(createRequest(LONG), unaborted())[Symbol.asyncIterator]();
    await firstText(events);
    const [busy] = (await engine.resident?.()) ?? [];
    assert.deepEqual([busy?.active, busy?.leavesInMs], [1, undefined]);
    await events.return?.();
    assert.equal((await engine.resident?.())?.[0]?.active, 0);
  });

  const faults: readonly [OllamaFault, ErrorCode][] = [
    ['cut in mid-stream', 'GENERATION_FAILED'],
    ['end without done', 'GENERATION_FAILED'],
    ['error line', 'GENERATION_FAILED'],
    ['prompt too long', 'CONTEXT_EXCEEDED'],
    ['refusal', 'INVALID_REQUEST'],
    ['model deleted', 'OLLAMA_MODEL_NOT_AVAILABLE'],
    ['busy', 'OVERLOADED'],
    ['failure', 'GENERATION_FAILED'],
    ['garbage line', 'GENERATION_FAILED'],
    ['line of another kind', 'GENERATION_FAILED'],
    ['endless line', 'GENERATION_FAILED'],
    ['only loads', 'GENERATION_FAILED'],
  ];
  for (const [fault, code] of faults) {
    test(`${fault}: the answer ends with ${code}, a peer does not get Ollama's own text, and the next request is answered`, async () => {
      fake.fault = fault;
      const { end } = await receive(engine, createRequest(LONG));
      assert.ok(end.type === 'error');
      assert.equal(end.error.code, code);
      assert.doesNotMatch(end.error.message, /secret/);
      assert.ok(end.error.cause !== undefined);
      fake.fault = undefined;
      assert.equal(reasonOf(await receive(engine, createRequest('Hello'))), 'stop');
    });
  }

  test('an answer that is received in single bytes is the same answer', async () => {
    fake.pieceBytes = 1;
    assert.equal((await receive(engine, createRequest('Grüße an 🐟'))).text, 'Grüße an 🐟');
    fake.pieceBytes = undefined;
  });

  test('reasoning is not part of the answer', async () => {
    const received = await receive(engine, createRequest('Hello there.'));
    assert.equal(received.text, 'Hello there.');
    assert.deepEqual(usageOf(received), { promptTokens: 2, completionTokens: 2 });
  });

  test('an abort closes the connection', async () => {
    const disconnected = Promise.withResolvers<number>();
    fake.onDisconnect = disconnected.resolve;
    const abort = new AbortController();
    const events = engine.generate(createRequest(MORE_THAN_BUFFERS), abort.signal)[Symbol.asyncIterator]();
    await firstText(events);
    abort.abort();
    assert.ok(
      (await disconnected.promise) < MORE_THAN_BUFFERS.split(' ').length - 1,
      'a reader that pauses also pauses Ollama',
    );
    assert.equal(reasonOf(await receiveRest({ [Symbol.asyncIterator]: () => events })), 'abort');
  });

  test('an abort does not wait for the response', async () => {
    const disconnected = Promise.withResolvers<number>();
    fake.onDisconnect = disconnected.resolve;
    fake.fault = 'silent from the start';
    const abort = new AbortController();
    fake.onRequest = () => abort.abort();
    assert.equal(reasonOf(await receive(engine, createRequest('Hello'), abort.signal)), 'abort');
    await disconnected.promise;
  });

  const silences: readonly [OllamaFault, number, number][] = [
    ['silent from the start', 300_000, 0],
    ['silent in mid-stream', 30_000, 3],
  ];
  for (const [fault, limitMs, words] of silences) {
    test(`${fault}: the answer ends with TIMEOUT_NO_RESPONSE, and the connection is closed`, async () => {
      await engine.models();
      const disconnected = Promise.withResolvers<number>();
      fake.onDisconnect = disconnected.resolve;
      const requested = Promise.withResolvers<FakeOllamaRequest>();
      fake.onRequest = requested.resolve;
      fake.fault = fault;
      mock.timers.enable({ apis: ['setTimeout'] });
      const events = engine.generate(createRequest(LONG), unaborted())[Symbol.asyncIterator]();
      for (let word = 0; word < words; word++) await firstText(events);
      let isOver = false;
      const rest = receiveRest({ [Symbol.asyncIterator]: () => events }).finally(() => (isOver = true));
      await requested.promise;
      await setImmediate();
      mock.timers.tick(limitMs - 1);
      await setImmediate();
      assert.equal(isOver, false);
      mock.timers.tick(1);
      assert.equal(codeOf(await rest), 'TIMEOUT_NO_RESPONSE');
      await disconnected.promise;
    });
  }
});

import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { after, afterEach, before, mock, suite, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { ErrorCode } from '@shoal/protocol/error';
import { createRequest, codeOf, firstText, receive, receiveRest, reasonOf, unaborted } from '../contracts/answers.ts';
import { engineContract } from '../contracts/index.ts';
import type { Engine } from '../engine.ts';
import { createOpenAi } from './index.ts';
import type { OpenAiFault } from './testing/fake-faults.ts';
import { FakeOpenAi, type FakeOpenAiRequest } from './testing/fake-openai.ts';

const LONG = Array.from({ length: 300 }, (_, index) => `word${index}`).join(' ');
/** Longer than the socket buffers. */
const MORE_THAN_BUFFERS = 'A rather long sentence, once more. '.repeat(50_000);
const ABILITIES = ['messages', 'prompt', 'tools', 'json', 'embeddings', 'logprobs'] as const;
const KEY = 'sk-secret';

const fake = await FakeOpenAi.start();
after(() => fake.stop());

engineContract(
  'openai, with a fake server',
  async () => createOpenAi({ baseUrl: fake.address, slots: 2 }),
  { short: 'Hello there.', long: LONG },
  {
    'an answer continues after the text of another worker': 'the API cannot continue an answer',
    'the context length of a request limits its prompt and answer': 'the server has its own context',
    'JSON by schema is valid': 'the fake ignores schemas',
    'a required tool is called': 'the fake only calls tools that a test gives it',
    'log probabilities come with their tokens': 'the fake has no log probabilities of its own',
    'logit bias can forbid a token': 'the fake has no ids',
  },
);

suite('the openai engine', () => {
  let engine: Engine;
  before(() => {
    engine = createOpenAi({ baseUrl: `${fake.address}/v1`, apiKey: KEY });
  });
  afterEach(() => {
    fake.reset();
    mock.timers.reset();
  });
  after(() => engine.close());

  const recordRequests = (): FakeOpenAiRequest[] => {
    const requests: FakeOpenAiRequest[] = [];
    fake.onRequest = (request) => void requests.push(request);
    return requests;
  };

  test('all models that the server lists are offered, or only the configured one', async () => {
    const parrot = { id: 'parrot', contextLength: 8192, abilities: [...ABILITIES, 'tokens'] };
    assert.deepEqual(await engine.models(), [parrot, { id: 'dodo', abilities: ABILITIES }]);
    const chosen = createOpenAi({ baseUrl: fake.address, model: 'dodo', contextLength: 100 });
    assert.deepEqual(await chosen.models(), [{ id: 'dodo', contextLength: 100, abilities: ABILITIES }]);
    const missing = createOpenAi({ baseUrl: fake.address, model: 'lark' });
    await assert.rejects(missing.models(), {
      code: 'MODEL_NOT_FOUND',
      message: /"lark" here; there are: parrot, dodo/,
    });
    fake.models = [];
    await assert.rejects(engine.models(), { code: 'MODEL_NOT_FOUND', message: /lists no model/ });
  });

  test('if no OpenAI-compatible server answers, the error names the address to the owner and not to a peer', async () => {
    const gone = await FakeOpenAi.start();
    await gone.stop();
    const unreachable = createOpenAi({ baseUrl: gone.address });
    await assert.rejects(unreachable.models(), { code: 'CONNECT_FAILED', message: new RegExp(gone.address) });
    const { end } = await receive(unreachable, createRequest('Hello'));
    assert.ok(end.type === 'error' && end.error.code === 'CONNECT_FAILED');
    assert.ok(!end.error.message.includes(gone.address));
    const elsewhere = createOpenAi({ baseUrl: `${fake.address}/elsewhere` });
    await assert.rejects(elsewhere.models(), {
      code: 'CONNECT_FAILED',
      message: /elsewhere\/ is not OpenAI-compatible/,
    });
    fake.models = 'none';
    await assert.rejects(engine.models(), { code: 'CONNECT_FAILED' });
    fake.fault = 'redirect';
    await assert.rejects(engine.models(), { code: 'CONNECT_FAILED' });
  });

  test('the key is sent to the server, and is not shown anywhere', async () => {
    const requests = recordRequests();
    await receive(engine, createRequest('Hello'));
    assert.equal(requests[0]?.headers.authorization, `Bearer ${KEY}`);
    assert.doesNotMatch(inspect(engine, { depth: Infinity, showHidden: true }), /sk-secret/);
    fake.fault = 'wrong key';
    const refusal = await engine.models().catch((error: unknown) => error);
    assert.ok(refusal instanceof Error && 'code' in refusal && refusal.code === 'UNAUTHORIZED');
    assert.match(refusal.message, /OPENAI_API_KEY/);
    assert.doesNotMatch(inspect(refusal), /sk-secret/);
    const { end } = await receive(engine, createRequest('Hello'));
    assert.ok(end.type === 'error');
    assert.equal(end.error.code, 'GENERATION_FAILED', 'a peer does not learn about the key');
    assert.doesNotMatch(inspect(end.error), /sk-secret/);
    for (const apiKey of ['', 'a b', 'a\r\nx: y', 'ключ']) {
      assert.throws(
        () => createOpenAi({ baseUrl: fake.address, apiKey }),
        (error: Error) => apiKey === '' || !error.message.includes(apiKey),
      );
    }
  });

  test('token ids are only sent to servers that accept them, and no answer is resumed', async () => {
    const input = { type: 'tokens', tokens: [1] } as const;
    assert.equal(codeOf(await receive(engine, createRequest('', { model: 'dodo', input }))), 'INVALID_REQUEST');
    const resume = { text: 'Hello ', tokens: [] };
    assert.equal(codeOf(await receive(engine, createRequest('Hello there', { resume }))), 'GENERATION_FAILED');
  });

  const faults: readonly [OpenAiFault, ErrorCode][] = [
    ['wrong key', 'GENERATION_FAILED'],
    ['forbidden', 'GENERATION_FAILED'],
    ['model unloaded', 'MODEL_NOT_FOUND'],
    ['no such path', 'INVALID_REQUEST'],
    ['not supported', 'INVALID_REQUEST'],
    ['prompt too long', 'CONTEXT_EXCEEDED'],
    ['prompt too long for llama-server', 'CONTEXT_EXCEEDED'],
    ['prompt too long for vLLM', 'CONTEXT_EXCEEDED'],
    ['bad request', 'INVALID_REQUEST'],
    ['unprocessable', 'INVALID_REQUEST'],
    ['too many requests', 'OVERLOADED'],
    ['loading', 'OVERLOADED'],
    ['failure', 'GENERATION_FAILED'],
    ['redirect', 'GENERATION_FAILED'],
    ['cut in mid-stream', 'GENERATION_FAILED'],
    ['end without a reason', 'GENERATION_FAILED'],
    ['error in mid-stream', 'GENERATION_FAILED'],
    ['vLLM’s error in mid-stream', 'GENERATION_FAILED'],
    ['context full in mid-stream', 'CONTEXT_EXCEEDED'],
    ['garbage event', 'GENERATION_FAILED'],
    ['endless line', 'GENERATION_FAILED'],
    ['filtered answer', 'GENERATION_FAILED'],
    ['unknown reason', 'GENERATION_FAILED'],
  ];
  for (const [fault, code] of faults) {
    test(`${fault}: the answer ends with ${code}, a peer does not get the server’s own text, and the next request is answered`, async () => {
      await engine.models();
      fake.fault = fault;
      const { end } = await receive(engine, createRequest(LONG));
      assert.ok(end.type === 'error');
      assert.equal(end.error.code, code);
      assert.doesNotMatch(end.error.message, /secret/);
      fake.fault = undefined;
      assert.equal(reasonOf(await receive(engine, createRequest('Hello'))), 'stop');
    });
  }

  test('Retry-After of an overloaded server is read in seconds or as a date, within bounds', async () => {
    await engine.models();
    fake.fault = 'too many requests';
    const retryAfter = async (text: string | undefined): Promise<number | undefined> => {
      fake.retryAfter = text;
      const { end } = await receive(engine, createRequest('Hello'));
      assert.ok(end.type === 'error');
      return end.error.retryAfterMs;
    };
    assert.equal(await retryAfter('7'), 7_000);
    assert.equal(await retryAfter('-7'), 0);
    assert.equal(await retryAfter('1e9'), 60 * 60 * 1000);
    assert.equal(await retryAfter('soon'), undefined);
    assert.equal(await retryAfter(undefined), undefined);
    const inAMinute = (await retryAfter(new Date(Date.now() + 60_000).toUTCString())) ?? 0;
    assert.ok(inAMinute > 50_000 && inAMinute <= 60_000);
  });

  test('an answer that is received in single bytes is the same answer', async () => {
    fake.pieceBytes = 1;
    assert.equal((await receive(engine, createRequest('Grüße an 🐟'))).text, 'Grüße an 🐟');
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
      'a reader that pauses also pauses the server',
    );
    assert.equal(reasonOf(await receiveRest({ [Symbol.asyncIterator]: () => events })), 'abort');
  });

  const silences: readonly [OpenAiFault, number, number][] = [
    ['silent from the start', 300_000, 0],
    ['silent in mid-stream', 30_000, 3],
  ];
  for (const [fault, limitMs, words] of silences) {
    test(`${fault}: the answer ends with TIMEOUT_NO_RESPONSE, and the connection is closed`, async () => {
      await engine.models();
      const disconnected = Promise.withResolvers<number>();
      fake.onDisconnect = disconnected.resolve;
      const requested = Promise.withResolvers<FakeOpenAiRequest>();
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

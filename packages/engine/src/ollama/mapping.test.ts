import assert from 'node:assert/strict';
import { after, afterEach, suite, test } from 'node:test';
import type { Input } from '@shoal/protocol/request';
import { createRequest, codeOf, receive, reasonOf, usageOf } from '../contracts/answers.ts';
import { objectIn } from '@shoal/formats/json';
import { createOllama } from './index.ts';
import { FakeOllama, type FakeOllamaRequest } from './testing/fake-ollama.ts';

const fake = await FakeOllama.start();
const engine = createOllama({ baseUrl: fake.address, model: 'parrot' });

suite('requests and answers of the ollama engine', () => {
  afterEach(() => {
    fake.onRequest = () => {};
  });
  after(async () => {
    await engine.close();
    await fake.stop();
  });

  test('each kind of input has its endpoint, and every sampling value is sent, zero too', async () => {
    const inputs: readonly [Input, string, object][] = [
      [{ type: 'messages', messages: [{ role: 'user', content: 'Hi' }] }, '/api/generate', { prompt: 'Hi' }],
      [{ type: 'text', text: 'Hi' }, '/api/generate', { prompt: 'Hi', raw: true }],
      [{ type: 'messages', messages: [{ role: 'system', content: 'Hi' }] }, '/api/chat', {}],
      [{ type: 'messages', messages: [{ role: 'user', content: '' }] }, '/api/chat', {}],
    ];
    const requests: FakeOllamaRequest[] = [];
    fake.onRequest = (request) => void requests.push(request);
    for (const [input, path, fields] of inputs) {
      assert.equal(reasonOf(await receive(engine, createRequest('', { input }))), 'stop');
      const request = requests.at(-1);
      assert.equal(request?.path, path);
      assert.partialDeepStrictEqual(request.body, { ...fields, truncate: false, shift: false });
    }
    const penalties = { repeatPenalty: 1, presencePenalty: 0, frequencyPenalty: 0.2 };
    const sampling = { maxTokens: 9, temperature: 0, topP: 0.5, topK: 3, minP: 0.1, seed: 0, ...penalties };
    await receive(engine, createRequest('Hi', { sampling, stop: ['', 'never'] }));
    assert.deepEqual(requests.at(-1)?.body['options'], {
      num_predict: 9,
      temperature: 0,
      top_p: 0.5,
      top_k: 3,
      min_p: 0.1,
      repeat_penalty: 1,
      presence_penalty: 0,
      frequency_penalty: 0.2,
      seed: 0,
      stop: ['<|end|>', 'never'],
    });
  });

  test('tools are sent, their calls get ids, and their results are sent with their names', async () => {
    const requests: FakeOllamaRequest[] = [];
    fake.onRequest = (request) => void requests.push(request);
    const tools = [{ name: 'weather', parameters: { type: 'object' } }, { name: 'time' }];
    const received = await receive(engine, createRequest('Hi', { tools }));
    assert.equal(reasonOf(received), 'tool_calls');
    const [first, second] = received.toolCalls;
    assert.match(first?.id ?? '', /^call_/);
    assert.deepEqual([first?.name, first?.arguments], ['weather', '{"city":"Oslo"}']);
    assert.deepEqual([second?.id, second?.name], ['call_1', 'time']);
    assert.partialDeepStrictEqual(requests[0], {
      path: '/api/chat',
      body: { tools: [{ type: 'function', function: { name: 'weather', parameters: { type: 'object' } } }, {}] },
    });
    const messages = [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: '', toolCalls: received.toolCalls },
      { role: 'tool', content: 'Rain.', toolCallId: first?.id ?? '' },
    ] as const;
    const input = { type: 'messages', messages } as const;
    assert.equal(reasonOf(await receive(engine, createRequest('', { input, tools, toolChoice: 'none' }))), 'stop');
    assert.equal(requests[1]?.body['tools'], undefined);
    assert.partialDeepStrictEqual(requests[1]?.body['messages'], [
      { role: 'user', content: 'Hi' },
      { tool_calls: [{ id: first?.id, function: { name: 'weather', arguments: { city: 'Oslo' } } }, {}] },
      { role: 'tool', content: 'Rain.', tool_call_id: first?.id, tool_name: 'weather' },
    ]);
  });

  test('a JSON format and log probabilities are requested as in Ollama’s API', async () => {
    const requests: FakeOllamaRequest[] = [];
    fake.onRequest = (request) => void requests.push(request);
    await receive(engine, createRequest('Hi', { format: { type: 'json' } }));
    assert.equal(requests[0]?.body['format'], 'json');
    const schema = { type: 'object', required: ['a'] };
    const received = await receive(
      engine,
      createRequest('Hi there', { format: { type: 'json_schema', schema }, logprobs: 2 }),
    );
    assert.partialDeepStrictEqual(requests[1]?.body, { format: schema, logprobs: true, top_logprobs: 2 });
    const top = [
      { text: 'Hi ', logprob: -0.5 },
      { text: 'likely', logprob: -1 },
    ];
    assert.deepEqual(received.logprobs[0], { text: 'Hi ', logprob: -0.5, top }, 'those of reasoning are left out');
  });

  test('a tool call whose arguments are not an object is a failure, and one without arguments is not', async () => {
    fake.callArguments = '{"city":"Oslo"}';
    assert.equal(
      codeOf(await receive(engine, createRequest('Hi', { tools: [{ name: 'weather' }] }))),
      'GENERATION_FAILED',
    );
    fake.callArguments = undefined;
    const received = await receive(engine, createRequest('Hi', { tools: [{ name: 'weather' }] }));
    assert.equal(received.toolCalls[0]?.arguments, '{}');
  });

  test('options that Ollama does not support are refused', async () => {
    const tools = [{ name: 'weather' }];
    for (const changes of [
      { sampling: { logitBias: [[1, -100]] } },
      { tools, toolChoice: 'required' },
      { tools, toolChoice: { name: 'weather' } },
      { tools, parallelToolCalls: false },
    ] as const) {
      assert.equal(codeOf(await receive(engine, createRequest('Hi', changes))), 'INVALID_REQUEST');
    }
    const call = { id: '1', name: 'weather', arguments: 'Oslo' };
    const messages = [{ role: 'assistant', content: '', toolCalls: [call] }] as const;
    assert.equal(
      codeOf(await receive(engine, createRequest('', { input: { type: 'messages', messages } }))),
      'INVALID_REQUEST',
    );
  });

  test('reasoning is switched if the model has it, and sent apart from the text if it is requested', async () => {
    const requests: FakeOllamaRequest[] = [];
    fake.onRequest = (request) => void requests.push(request);
    for (const wanted of [undefined, false, true]) {
      const received = await receive(engine, createRequest('Hello', { reasoning: wanted }));
      assert.deepEqual([received.text, received.reasoning], ['Hello', wanted === true ? 'Parrots repeat.' : '']);
      assert.equal(requests.at(-1)?.body['think'], wanted);
    }
    await receive(engine, createRequest('Hello', { model: 'seer:7b', reasoning: true }));
    assert.ok(!('think' in (requests.at(-1)?.body ?? {})));
  });

  test('a request has at most the lender’s context, and its own time in memory', async () => {
    const requests: FakeOllamaRequest[] = [];
    fake.onRequest = (request) => void requests.push(request);
    const lender = createOllama({ baseUrl: fake.address, model: 'parrot', contextLength: 1_000, keepAlive: '5m' });
    const own = async (contextLength: number | undefined, keepAliveMs: number | undefined, by = lender) => {
      await receive(by, createRequest('Hello', { contextLength, keepAliveMs }));
      const body = requests.at(-1)?.body;
      return [objectIn(body, 'options')?.['num_ctx'], body?.['keep_alive']];
    };
    assert.deepEqual(await own(undefined, undefined), [1_000, '5m']);
    assert.deepEqual(await own(512, 90_000), [512, '90000ms']);
    assert.deepEqual(await own(4_096, -1), [1_000, -1]);
    assert.deepEqual(await own(4_096, Number.MAX_SAFE_INTEGER, engine), [undefined, -1]);
    assert.deepEqual(await own(512, 0, engine), [512, '0ms']);
  });

  test('many texts are embedded in several requests, and an invalid vector is a failure', async () => {
    const requests: FakeOllamaRequest[] = [];
    fake.onRequest = (request) => void requests.push(request);
    const input = {
      type: 'embeddings',
      texts: Array.from({ length: 40 }, (_, index) => 'x'.repeat(index + 1)),
    } as const;
    const request = createRequest('', { model: 'embedder', input });
    const received = await receive(engine, request);
    assert.deepEqual([reasonOf(received), received.vectors.length, requests.length], ['stop', 40, 3]);
    assert.deepEqual(usageOf(received), { promptTokens: 40, completionTokens: 0 });
    for (const embeddings of [[], [[0, 0, 0]], 'none', [['1']]]) {
      fake.embeddings = embeddings;
      assert.equal(codeOf(await receive(engine, request)), 'GENERATION_FAILED');
    }
    fake.embeddings = undefined;
  });

  test('token ids and an answer to resume are refused', async () => {
    const tokens = await receive(engine, createRequest('', { input: { type: 'tokens', tokens: [1] } }));
    assert.equal(codeOf(tokens), 'INVALID_REQUEST');
    const resume = { text: 'Hello ', tokens: [] };
    assert.equal(codeOf(await receive(engine, createRequest('Hello there', { resume }))), 'GENERATION_FAILED');
  });
});

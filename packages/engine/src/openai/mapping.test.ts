import assert from 'node:assert/strict';
import { after, afterEach, suite, test } from 'node:test';
import type { Input, Message } from '@shoal/protocol/request';
import { createRequest, codeOf, receive, reasonOf, usageOf } from '../contracts/answers.ts';
import { createOpenAi } from './index.ts';
import { FakeOpenAi, type FakeOpenAiRequest } from './testing/fake-openai.ts';

const fake = await FakeOpenAi.start();
const engine = createOpenAi({ baseUrl: fake.address });

suite('requests and answers of the openai engine', () => {
  afterEach(() => fake.reset());
  after(async () => {
    await engine.close();
    await fake.stop();
  });

  const recordRequests = (): FakeOpenAiRequest[] => {
    const requests: FakeOpenAiRequest[] = [];
    fake.onRequest = (request) => void requests.push(request);
    return requests;
  };

  test('each kind of input has its path, and every sampling value is sent, zero too', async () => {
    const inputs: readonly [Input, string, object][] = [
      [{ type: 'text', text: 'Hi' }, '/v1/completions', { prompt: 'Hi' }],
      [{ type: 'tokens', tokens: [1, 2] }, '/v1/completions', { prompt: [1, 2] }],
      [
        { type: 'messages', messages: [{ role: 'user', content: 'Hi' }] },
        '/v1/chat/completions',
        { messages: [{ role: 'user', content: 'Hi' }] },
      ],
    ];
    const requests = recordRequests();
    for (const [input, path, fields] of inputs) {
      assert.equal(reasonOf(await receive(engine, createRequest('', { input }))), 'stop');
      assert.equal(requests.at(-1)?.path, path);
      assert.partialDeepStrictEqual(requests.at(-1)?.body, { model: 'parrot', stream: true, ...fields });
    }
    const penalties = { repeatPenalty: 1.1, presencePenalty: 0, frequencyPenalty: 0.2 };
    const chosen = { maxTokens: 9, temperature: 0, topP: 0.5, topK: 3, minP: 0.1, seed: 0 };
    const sampling = { ...chosen, ...penalties, logitBias: [[5, -100]] } as const;
    await receive(engine, createRequest('Hi', { sampling, stop: ['', 'never'] }));
    assert.deepEqual(requests.at(-1)?.body, {
      model: 'parrot',
      stream: true,
      stream_options: { include_usage: true },
      max_tokens: 9,
      temperature: 0,
      top_p: 0.5,
      top_k: 3,
      min_p: 0.1,
      repetition_penalty: 1.1,
      repeat_penalty: 1.1,
      presence_penalty: 0,
      frequency_penalty: 0.2,
      logit_bias: { 5: -100 },
      seed: 0,
      stop: ['never'],
      messages: [{ role: 'user', content: 'Hi' }],
    });
  });

  test('tools, their calls and results, and formats are sent as in OpenAI’s API', async () => {
    const requests = recordRequests();
    const call = { id: 'call_1', name: 'weather', arguments: '{"city":"Oslo"}' };
    const messages: readonly Message[] = [
      { role: 'assistant', content: '', toolCalls: [call] },
      { role: 'tool', content: 'Rain.', toolCallId: 'call_1' },
    ];
    const tools = [{ name: 'weather', description: 'Reports it.' }];
    const schema = { type: 'object' };
    fake.deltas = [{ delta: { tool_calls: [{ index: 0, id: 'x', function: { name: 'weather', arguments: '{}' } }] } }];
    const options = { tools, toolChoice: { name: 'weather' }, parallelToolCalls: false } as const;
    await receive(
      engine,
      createRequest('', { ...options, input: { type: 'messages', messages }, format: { type: 'json_schema', schema } }),
    );
    assert.partialDeepStrictEqual(requests[0]?.body, {
      messages: [
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Oslo"}' } }],
        },
        { role: 'tool', content: 'Rain.', tool_call_id: 'call_1' },
      ],
      tools: [{ type: 'function', function: { name: 'weather', description: 'Reports it.' } }],
      tool_choice: { type: 'function', function: { name: 'weather' } },
      parallel_tool_calls: false,
      response_format: { type: 'json_schema', json_schema: { schema } },
    });
    await receive(engine, createRequest('Hi', { format: { type: 'json' } }));
    assert.deepEqual(requests[1]?.body['response_format'], { type: 'json_object' });
  });

  test('tool calls are read from the pieces that various servers send', async () => {
    const piece = (fields: object) => ({ delta: { tool_calls: [fields] } });
    fake.deltas = [
      piece({ index: 0, id: 'a', function: { name: 'weather', arguments: '' } }),
      piece({ index: 0, function: { arguments: '{"city":' } }),
      piece({ index: 1, id: 'b', function: { name: 'time' } }),
      piece({ index: 0, id: 'a', function: { name: 'weather', arguments: '"Oslo"}' } }),
    ];
    fake.finishReason = 'tool_calls';
    const received = await receive(engine, createRequest('Hi'));
    assert.deepEqual(received.toolCalls, [
      { id: 'a', name: 'weather', arguments: '{"city":"Oslo"}' },
      { id: 'b', name: 'time', arguments: '{}' },
    ]);
    assert.equal(reasonOf(received), 'tool_calls');
    fake.deltas = [
      piece({ id: 'a', function: { name: 'weather', arguments: '{}' } }),
      piece({ id: 'b', function: { name: 'time', arguments: '{' } }),
      piece({ function: { arguments: '}' } }),
    ];
    fake.finishReason = 'stop';
    const unnumbered = await receive(
      engine,
      createRequest('Hi', { tools: [{ name: 'time' }], toolChoice: 'required' }),
    );
    assert.deepEqual(
      unnumbered.toolCalls.map((call) => [call.id, call.arguments]),
      [
        ['a', '{}'],
        ['b', '{}'],
      ],
    );
    assert.equal(reasonOf(unnumbered), 'tool_calls');
    fake.deltas = [piece({ index: 3, function: { name: 'time', arguments: '{}' } })];
    assert.match((await receive(engine, createRequest('Hi'))).toolCalls[0]?.id ?? '', /^call_/);
    fake.deltas = [piece({ index: 0, id: 'a', function: { arguments: '{}' } })];
    assert.equal(codeOf(await receive(engine, createRequest('Hi'))), 'GENERATION_FAILED');
  });

  test('calls with one index and different ids are several, and arguments may be an object', async () => {
    const piece = (fields: object) => ({ delta: { tool_calls: [{ index: 0, ...fields }] } });
    fake.deltas = [
      piece({ id: 'a', function: { name: 'weather', arguments: { city: 'Oslo' } } }),
      piece({ id: 'b', function: { name: 'time' } }),
      piece({ id: 'c', function: { name: 'weather', arguments: '{"city":' } }),
      piece({ id: 'other', function: { arguments: '"Kiel"}' } }),
    ];
    assert.deepEqual((await receive(engine, createRequest('Hi'))).toolCalls, [
      { id: 'a', name: 'weather', arguments: '{"city":"Oslo"}' },
      { id: 'b', name: 'time', arguments: '{}' },
      { id: 'c', name: 'weather', arguments: '{"city":"Kiel"}' },
    ]);
    fake.deltas = [piece({ id: 'a', function: { name: 'weather', arguments: ['Oslo'] } })];
    assert.equal(codeOf(await receive(engine, createRequest('Hi'))), 'GENERATION_FAILED');
  });

  test('a required tool that is not called is a failure', async () => {
    const request = createRequest('Hi', { tools: [{ name: 'time' }], toolChoice: 'required' });
    assert.equal(codeOf(await receive(engine, request)), 'GENERATION_FAILED');
  });

  test('log probabilities are read from chats and from older completions, and missing ones are a failure', async () => {
    const top = [
      { token: 'Yes', logprob: -2 },
      { id: 7, token: 'No', logprob: -0.1 },
    ];
    const content = [{ id: 7, token: 'No', logprob: -0.1, top_logprobs: top }];
    fake.deltas = [{ delta: { content: 'No' }, logprobs: { content } }];
    const requests = recordRequests();
    const received = await receive(engine, createRequest('Hi', { logprobs: 2 }));
    assert.partialDeepStrictEqual(requests[0]?.body, { logprobs: true, top_logprobs: 2 });
    const no = { token: 7, text: 'No', logprob: -0.1 };
    assert.deepEqual(received.logprobs, [{ ...no, top: [no, { text: 'Yes', logprob: -2 }] }]);
    const lists = { tokens: ['No'], token_logprobs: [-0.1], top_logprobs: [{ Yes: -2, No: -0.1 }] };
    fake.deltas = [{ text: 'No', logprobs: lists }];
    const input = { type: 'text', text: 'Hi' } as const;
    const text = await receive(engine, createRequest('', { input, logprobs: 1 }));
    assert.equal(requests[1]?.body['logprobs'], 1);
    const old = { text: 'No', logprob: -0.1 };
    assert.deepEqual(text.logprobs, [{ ...old, top: [old] }]);
    fake.deltas = [];
    assert.equal(codeOf(await receive(engine, createRequest('Hi', { logprobs: 2 }))), 'GENERATION_FAILED');
  });

  test('the usage is reported with cached tokens, and not requested again from a server that refuses it', async () => {
    const received = await receive(engine, createRequest('Hello there.'));
    assert.equal(received.text, 'Hello there.', 'reasoning is not part of the answer');
    assert.deepEqual(usageOf(received), { promptTokens: 2, cachedTokens: 1, completionTokens: 2 });
    for (const usage of ['ignored', 'refused'] as const) {
      const other = createOpenAi({ baseUrl: fake.address });
      const requests = recordRequests();
      fake.usage = usage;
      for (let round = 0; round < 2; round++) {
        const { end } = await receive(other, createRequest('Hello there.'));
        assert.ok(end.type === 'finish' && end.usage === undefined);
      }
      assert.equal(requests.length, usage === 'refused' ? 3 : 2, 'the option is refused once');
    }
    const both = createOpenAi({ baseUrl: fake.address });
    const answers = await Promise.all([receive(both, createRequest('Hello')), receive(both, createRequest('there'))]);
    assert.deepEqual(
      answers.map(reasonOf),
      ['stop', 'stop'],
      'requests that are refused at the same time are both repeated',
    );
  });

  test('reasoning is switched by variables of the template, and sent apart from the text if it is requested', async () => {
    const requests = recordRequests();
    fake.deltas = [{ delta: { reasoning: 'So.' } }];
    const expected = [
      [undefined, ''],
      [false, ''],
      [true, 'Hm.So.'],
    ] as const;
    for (const [wanted, reasoning] of expected) {
      const received = await receive(engine, createRequest('Hello', { reasoning: wanted }));
      assert.deepEqual([received.text, received.reasoning], ['Hello', reasoning]);
      const variables = wanted === undefined ? undefined : { enable_thinking: wanted, thinking: wanted };
      assert.deepEqual(requests.at(-1)?.body['chat_template_kwargs'], variables);
    }
    const other = createOpenAi({ baseUrl: fake.address });
    requests.length = 0;
    fake.refusalOf = ({ chat_template_kwargs }) =>
      chat_template_kwargs === undefined ? undefined : 'Unrecognized request argument: chat_template_kwargs';
    for (let round = 0; round < 2; round++) {
      assert.equal(reasonOf(await receive(other, createRequest('Hello', { reasoning: false }))), 'stop');
    }
    assert.equal(requests.length, 3, 'the variables are refused once');
  });

  test('a limit that the context cannot hold is left out, and a prompt that it cannot hold is refused', async () => {
    const requests = recordRequests();
    const texts = [
      "This model's maximum context length is 16 tokens. However, you requested 9 output tokens",
      "'max_tokens' or 'max_completion_tokens' is too large: 9.",
    ];
    for (const text of texts) {
      fake.refusalOf = ({ max_tokens: limit }) => (limit === undefined ? undefined : text);
      assert.equal(reasonOf(await receive(engine, createRequest('Hello', { sampling: { maxTokens: 9 } }))), 'stop');
      assert.equal(requests.at(-1)?.body['max_tokens'], undefined);
    }
    requests.length = 0;
    fake.refusalOf = () => texts[0];
    const refused = await receive(engine, createRequest('Hello', { sampling: { maxTokens: 9 } }));
    assert.deepEqual([codeOf(refused), requests.length], ['CONTEXT_EXCEEDED', 2]);
  });

  test('an answer ends with a reason or with [DONE]', async () => {
    fake.sendsDone = false;
    assert.equal(reasonOf(await receive(engine, createRequest('Hello'))), 'stop');
    fake.sendsDone = true;
    fake.finishReason = null;
    assert.equal(reasonOf(await receive(engine, createRequest('Hello'))), 'stop');
    fake.sendsDone = false;
    assert.equal(codeOf(await receive(engine, createRequest('Hello'))), 'GENERATION_FAILED');
  });

  test('many texts are embedded in several requests, and an invalid vector is a failure', async () => {
    const requests = recordRequests();
    const texts = Array.from({ length: 40 }, (_, index) => 'x'.repeat(index + 1));
    const request = createRequest('', { input: { type: 'embeddings', texts } });
    const received = await receive(engine, request);
    assert.deepEqual([reasonOf(received), received.vectors.length, requests.length], ['stop', 40, 3]);
    assert.deepEqual(usageOf(received), { promptTokens: 40, completionTokens: 0 });
    assert.deepEqual(received.vectors[1]?.map(Math.round), [0, 1, 0]);
    for (const embeddings of [[], [{ embedding: [0, 0] }], 'none', [{ embedding: 'AAAA' }]]) {
      fake.embeddings = embeddings;
      assert.equal(codeOf(await receive(engine, request)), 'GENERATION_FAILED');
    }
    fake.fault = 'not supported';
    assert.equal(codeOf(await receive(engine, request)), 'INVALID_REQUEST');
  });
});

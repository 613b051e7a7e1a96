/** The npm package `openai`. `options.package` is its name in the SDK folder. */
import assert from 'node:assert/strict';
import {
  A_PERSON,
  ASK,
  CALLS,
  checkVector,
  COUNTED,
  fails,
  failsWith,
  GREETING,
  load,
  options,
  PERSON,
  run,
  TOOL_REPORT,
  TOOLS,
} from './run.mjs';

const { baseUrl, keys, model, package: packageName = 'openai' } = options;
const { default: OpenAI } = load(packageName);

const clientOf = (apiKey) => new OpenAI({ baseURL: `${baseUrl}/v1`, apiKey, maxRetries: 0 });
const client = clientOf('sk-local');
const chat = (content, more = {}) =>
  client.chat.completions.create({ model, messages: [{ role: 'user', content }], ...more });
const chatTools = TOOLS.map(({ schema, ...tool }) => ({ type: 'function', function: { ...tool, parameters: schema } }));
const responseTools = TOOLS.map(({ schema, ...tool }) => ({
  type: 'function',
  ...tool,
  parameters: schema,
  strict: true,
}));
const statusOf = (error) => error.status;

async function collect(stream) {
  let [text, reason, usage] = ['', undefined, undefined];
  const calls = [];
  for await (const chunk of stream) {
    usage = chunk.usage ?? usage;
    for (const { delta, finish_reason: ended } of chunk.choices) {
      text += delta.content ?? '';
      reason = ended ?? reason;
      for (const { index, id, function: piece } of delta.tool_calls ?? []) {
        calls[index] ??= { id, name: piece.name, arguments: '' };
        calls[index].arguments += piece.arguments ?? '';
      }
    }
  }
  return { text, reason, usage, calls };
}

function checkCalls(calls) {
  assert.deepEqual(
    calls.map((call) => ({ name: call.name, arguments: JSON.parse(call.arguments) })),
    CALLS,
  );
}

await run('openai', packageName, {
  models: async () => {
    const ids = [];
    for await (const { id } of client.models.list()) ids.push(id);
    assert.ok(ids.includes(model), ids.join());
    assert.equal((await client.models.retrieve(model)).id, model);
  },
  chat: async () => {
    const messages = [
      { role: 'developer', content: 'Be brief.' },
      { role: 'user', content: 'Hello?' },
    ];
    const answer = await client.chat.completions.create({ model, messages, n: 2, seed: 1, max_completion_tokens: 100 });
    assert.deepEqual(
      answer.choices.map(({ index, message, finish_reason: reason }) => [index, message.content, reason]),
      [0, 1].map((index) => [index, GREETING, 'stop']),
    );
    assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
    const stopped = await chat(ASK.count, { stop: ['4'], logprobs: true });
    assert.equal(stopped.choices[0].message.content, '1 2 3 ');
    const cut = await chat(ASK.count, { max_tokens: 3 });
    assert.equal(cut.choices[0].finish_reason, 'length');
  },
  stream: async () => {
    const stream = await chat(ASK.count, { stream: true, stream_options: { include_usage: true } });
    const { text, reason, usage } = await collect(stream);
    assert.deepEqual([text, reason, usage.completion_tokens], [COUNTED, 'stop', 30]);
  },
  tools: async () => {
    const answer = await chat(ASK.both, { tools: chatTools });
    const { message, finish_reason: reason } = answer.choices[0];
    assert.equal(reason, 'tool_calls');
    checkCalls(message.tool_calls.map((call) => call.function));
    const messages = [{ role: 'user', content: ASK.both }, message];
    for (const { id } of message.tool_calls) messages.push({ role: 'tool', tool_call_id: id, content: 'sunny' });
    const reported = await client.chat.completions.create({ model, messages, tools: chatTools });
    assert.equal(reported.choices[0].message.content, `${TOOL_REPORT}sunny`);
  },
  'tools streamed': async () => {
    const { calls, reason } = await collect(await chat(ASK.both, { tools: chatTools, stream: true }));
    checkCalls(calls);
    assert.ok(calls.every(({ id }) => id !== undefined));
    assert.equal(reason, 'tool_calls');
    const runner = client.chat.completions.stream({
      model,
      messages: [{ role: 'user', content: ASK.both }],
      tools: chatTools,
    });
    checkCalls((await runner.finalMessage()).tool_calls.map((call) => call.function));
  },
  'JSON schema': async () => {
    const format = { type: 'json_schema', json_schema: { name: 'person', schema: PERSON, strict: true } };
    const answer = await client.chat.completions.parse({
      model,
      messages: [{ role: 'user', content: 'Who?' }],
      response_format: format,
    });
    assert.deepEqual(JSON.parse(answer.choices[0].message.content), A_PERSON);
  },
  embeddings: async () => {
    const input = ['one', 'two'];
    const { data } = await client.embeddings.create({ model, input });
    assert.equal(data.length, 2);
    for (const { embedding } of data) checkVector(embedding);
    const floats = await client.embeddings.create({ model, input, encoding_format: 'float' });
    for (const [index, { embedding }] of floats.data.entries()) {
      assert.ok(embedding.every((value, at) => Math.abs(value - data[index].embedding[at]) < 1e-6));
    }
  },
  responses: async () => {
    const answer = await client.responses.create({ model, input: ASK.count, instructions: 'Be brief.' });
    assert.deepEqual([answer.status, answer.output_text], ['completed', COUNTED]);
    assert.ok(answer.usage.output_tokens > 0);
    const called = await client.responses.create({ model, input: ASK.both, tools: responseTools });
    const calls = called.output.filter(({ type }) => type === 'function_call');
    checkCalls(calls);
    const outputs = calls.map(({ call_id: id }) => ({ type: 'function_call_output', call_id: id, output: 'sunny' }));
    const reported = await client.responses.create({
      model,
      input: outputs,
      previous_response_id: called.id,
      tools: responseTools,
    });
    assert.equal(reported.output_text, `${TOOL_REPORT}sunny`);
    const text = { format: { type: 'json_schema', name: 'person', schema: PERSON, strict: true } };
    assert.deepEqual(JSON.parse((await client.responses.create({ model, input: 'Who?', text })).output_text), A_PERSON);
    assert.equal((await client.responses.retrieve(answer.id)).id, answer.id);
    await client.responses.delete(answer.id);
    await failsWith(404, statusOf, () => client.responses.retrieve(answer.id));
  },
  'responses streamed': async () => {
    let [text, count] = ['', 0];
    const stream = await client.responses.create({ model, input: ASK.count, stream: true });
    let last;
    for await (const event of stream) {
      assert.equal(event.sequence_number, count++);
      if (event.type === 'response.output_text.delta') text += event.delta;
      last = event;
    }
    const whole = last.response.output.find(({ type }) => type === 'message');
    assert.deepEqual([text, last.type, whole.content[0].text], [COUNTED, 'response.completed', COUNTED]);
    const runner = client.responses.stream({ model, input: ASK.both, tools: responseTools });
    checkCalls((await runner.finalResponse()).output.filter(({ type }) => type === 'function_call'));
    await fails(async () => {
      let final;
      for await (const event of await client.responses.create({ model, input: ASK.failing, stream: true }))
        final = event;
      if (final.type === 'response.failed' || final.type === 'error') throw new Error(final.type);
      return final;
    });
  },
  'count tokens': 'Its path /v1/responses/input_tokens is not served.',
  abort: async () => {
    const stream = await chat(ASK.endless, { stream: true });
    let seen = 0;
    for await (const _chunk of stream) if (++seen === 3) stream.controller.abort();
    assert.ok(seen < 100, `${seen} chunks came after all.`);
  },
  400: () => failsWith(400, statusOf, () => chat('Hi', { temperature: 'hot' })),
  401: () =>
    failsWith(401, statusOf, () =>
      clientOf(keys.wrong).chat.completions.create({ model, messages: [{ role: 'user', content: 'Hi' }] }),
    ),
  404: async () => {
    await failsWith(404, statusOf, () => chat('Hi', { model: 'no-such/model' }));
    await failsWith(404, statusOf, () => client.models.retrieve('no-such/model'));
  },
  413: () => failsWith(413, statusOf, () => chat(ASK.huge())),
  429: () =>
    failsWith(429, statusOf, () =>
      clientOf(keys.limited).chat.completions.create({ model, messages: [{ role: 'user', content: 'Hi' }] }),
    ),
  503: () => failsWith(503, statusOf, () => chat(ASK.overloaded)),
  'error in mid-stream': () => fails(async () => collect(await chat(ASK.failing, { stream: true }))),
});

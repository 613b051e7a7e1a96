/** The npm package `@anthropic-ai/sdk`. */
import assert from 'node:assert/strict';
import {
  A_PERSON,
  ASK,
  CALLS,
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

const { baseUrl, keys, model } = options;
const { default: Anthropic } = load('@anthropic-ai/sdk');

const clientOf = (apiKey) => new Anthropic({ baseURL: baseUrl, apiKey, maxRetries: 0 });
const client = clientOf('sk-local');
const bodyOf = (content, more = {}) => ({ model, max_tokens: 4_000, messages: [{ role: 'user', content }], ...more });
const tools = TOOLS.map(({ schema, ...tool }) => ({ ...tool, input_schema: schema }));
const statusOf = (error) => error.status;

function checkCalls(message) {
  const calls = message.content.filter(({ type }) => type === 'tool_use');
  assert.deepEqual(
    calls.map(({ name, input }) => ({ name, arguments: input })),
    CALLS,
  );
  assert.equal(message.stop_reason, 'tool_use');
  return calls;
}

await run('@anthropic-ai/sdk', '@anthropic-ai/sdk', {
  models: async () => {
    const ids = [];
    for await (const { id } of client.models.list()) ids.push(id);
    assert.ok(ids.includes(model), ids.join());
    assert.equal((await client.models.retrieve(model)).id, model);
  },
  chat: async () => {
    const system = [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }];
    const { content, stop_reason: reason, usage } = await client.messages.create(bodyOf('Hello?', { system }));
    assert.deepEqual([content[0].text, reason], [GREETING, 'end_turn']);
    assert.ok(usage.input_tokens > 0 && usage.output_tokens > 0);
    const stopped = await client.messages.create(bodyOf(ASK.count, { stop_sequences: ['4'] }));
    assert.deepEqual([stopped.content[0].text, stopped.stop_reason], ['1 2 3 ', 'stop_sequence']);
    assert.equal((await client.messages.create(bodyOf(ASK.count, { max_tokens: 3 }))).stop_reason, 'max_tokens');
  },
  stream: async () => {
    const message = await client.messages.stream(bodyOf(ASK.count)).finalMessage();
    assert.deepEqual(
      [message.content[0].text, message.stop_reason, message.usage.output_tokens],
      [COUNTED, 'end_turn', 30],
    );
  },
  tools: async () => {
    const message = await client.messages.create(bodyOf(ASK.both, { tools }));
    const results = checkCalls(message).map(({ id }) => ({ type: 'tool_result', tool_use_id: id, content: 'sunny' }));
    const messages = [
      { role: 'user', content: ASK.both },
      { role: 'assistant', content: message.content },
      { role: 'user', content: results },
    ];
    const reported = await client.messages.create({ model, max_tokens: 100, messages, tools });
    assert.equal(reported.content[0].text, `${TOOL_REPORT}sunny`);
  },
  'tools streamed': async () => {
    checkCalls(await client.messages.stream(bodyOf(ASK.both, { tools })).finalMessage());
  },
  'JSON schema': async () => {
    const message = await client.messages.create(
      bodyOf('Who?', { output_config: { format: { type: 'json_schema', schema: PERSON } } }),
    );
    assert.deepEqual(JSON.parse(message.content[0].text), A_PERSON);
  },
  'count tokens': async () => {
    const counted = await client.messages.countTokens({
      model,
      messages: [{ role: 'user', content: 'Hello?' }],
      tools,
    });
    assert.ok(counted.input_tokens > 0);
  },
  abort: async () => {
    const stream = await client.messages.create(bodyOf(ASK.endless, { stream: true }));
    let seen = 0;
    for await (const _event of stream) if (++seen === 5) stream.controller.abort();
    assert.ok(seen < 100, `${seen} events came after all.`);
  },
  400: () => failsWith(400, statusOf, () => client.messages.create(bodyOf('Hi', { temperature: 'hot' }))),
  401: () => failsWith(401, statusOf, () => clientOf(keys.wrong).messages.create(bodyOf('Hi'))),
  404: () => failsWith(404, statusOf, () => client.messages.create(bodyOf('Hi', { model: 'no-such/model' }))),
  413: () => failsWith(413, statusOf, () => client.messages.create(bodyOf(ASK.huge()))),
  429: () => failsWith(429, statusOf, () => clientOf(keys.limited).messages.create(bodyOf('Hi'))),
  // Anthropic's own status for an overloaded server.
  503: () => failsWith(529, statusOf, () => client.messages.create(bodyOf(ASK.overloaded))),
  'error in mid-stream': () => fails(() => client.messages.stream(bodyOf(ASK.failing)).finalMessage()),
});

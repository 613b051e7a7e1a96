/** The npm package `ollama`. */
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

const { baseUrl, keys, model } = options;
const { Ollama } = load('ollama');

const clientOf = (token) => new Ollama({ host: baseUrl, headers: { authorization: `Bearer ${token}` } });
const client = clientOf('ollama');
const bodyOf = (content, more = {}) => ({ model, messages: [{ role: 'user', content }], ...more });
const tools = TOOLS.map(({ schema, ...tool }) => ({ type: 'function', function: { ...tool, parameters: schema } }));
const statusOf = (error) => error.status_code;

async function collect(stream) {
  let [text, last] = ['', undefined];
  const calls = [];
  for await (const part of stream) {
    text += part.message?.content ?? part.response;
    calls.push(...(part.message?.tool_calls ?? []));
    last = part;
  }
  return { text, last, calls };
}

function checkCalls(calls) {
  assert.deepEqual(
    calls.map((call) => ({ name: call.function.name, arguments: call.function.arguments })),
    CALLS,
  );
}

await run('ollama', 'ollama', {
  models: async () => {
    const { models } = await client.list();
    const listed = models.find(({ name }) => name === model || name === `${model}:latest`);
    assert.ok(listed, JSON.stringify(models));
    const { model_info: info, capabilities } = await client.show({ model: listed.name });
    const architecture = info['general.architecture'];
    assert.equal(info[`${architecture}.context_length`], 32_768);
    assert.ok(capabilities.includes('completion') && capabilities.includes('tools'), capabilities.join());
    assert.ok(Array.isArray((await client.ps()).models));
    assert.match((await client.version()).version, /^\d+\.\d+/);
  },
  chat: async () => {
    const answer = await client.chat(bodyOf('Hello?', { keep_alive: '5m', options: { num_ctx: 4_096, seed: 1 } }));
    assert.deepEqual([answer.message.content, answer.done, answer.done_reason], [GREETING, true, 'stop']);
    assert.ok(answer.total_duration > 0 && answer.eval_count > 0);
    const stopped = await client.chat(bodyOf(ASK.count, { options: { stop: ['4'] } }));
    assert.equal(stopped.message.content, '1 2 3 ');
    assert.equal(
      (await client.generate({ model, prompt: ASK.count, options: { num_predict: 3 } })).done_reason,
      'length',
    );
  },
  stream: async () => {
    const chat = await collect(await client.chat(bodyOf(ASK.count, { stream: true })));
    assert.deepEqual([chat.text, chat.last.done, chat.last.eval_count], [COUNTED, true, 30]);
    const generated = await collect(await client.generate({ model, prompt: ASK.count, stream: true }));
    assert.deepEqual([generated.text, generated.last.done], [COUNTED, true]);
  },
  tools: async () => {
    const { message } = await client.chat(bodyOf(ASK.both, { tools }));
    checkCalls(message.tool_calls);
    const results = message.tool_calls.map((call) => ({
      role: 'tool',
      tool_name: call.function.name,
      content: 'sunny',
    }));
    const messages = [{ role: 'user', content: ASK.both }, message, ...results];
    const reported = await client.chat({ model, messages, tools });
    assert.equal(reported.message.content, `${TOOL_REPORT}sunny`);
  },
  'tools streamed': async () => {
    checkCalls((await collect(await client.chat(bodyOf(ASK.both, { tools, stream: true })))).calls);
  },
  'JSON schema': async () => {
    const { message } = await client.chat(bodyOf('Who?', { format: PERSON }));
    assert.deepEqual(JSON.parse(message.content), A_PERSON);
    assert.deepEqual(JSON.parse((await client.generate({ model, prompt: 'Who?', format: PERSON })).response), A_PERSON);
  },
  embeddings: async () => {
    const { embeddings } = await client.embed({ model, input: ['one', 'two'] });
    assert.equal(embeddings.length, 2);
    for (const vector of embeddings) checkVector(vector);
    checkVector((await client.embeddings({ model, prompt: 'one' })).embedding);
  },
  abort: async () => {
    const stream = await client.chat(bodyOf(ASK.endless, { stream: true }));
    let seen = 0;
    await assert.rejects(async () => {
      for await (const _part of stream) if (++seen === 3) stream.abort();
    }, /abort/i);
    assert.ok(seen < 100, `${seen} parts came after all.`);
  },
  400: () => failsWith(400, statusOf, () => client.chat(bodyOf('Hi', { options: { temperature: 'hot' } }))),
  401: () => failsWith(401, statusOf, () => clientOf(keys.wrong).chat(bodyOf('Hi'))),
  404: async () => {
    await failsWith(404, statusOf, () => client.chat(bodyOf('Hi', { model: 'no-such/model' })));
    await failsWith(404, statusOf, () => client.show({ model: 'no-such/model' }));
  },
  413: () => failsWith(413, statusOf, () => client.chat(bodyOf(ASK.huge()))),
  429: () => failsWith(429, statusOf, () => clientOf(keys.limited).chat(bodyOf('Hi'))),
  503: () => failsWith(503, statusOf, () => client.chat(bodyOf(ASK.overloaded))),
  'error in mid-stream': () => fails(async () => collect(await client.chat(bodyOf(ASK.failing, { stream: true })))),
});

/** The npm package `@langchain/openai`. */
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
const { ChatOpenAI, OpenAIEmbeddings } = load('@langchain/openai');
const { HumanMessage, SystemMessage, ToolMessage } = load('@langchain/core/messages');

const connection = (apiKey) => ({ model, apiKey, maxRetries: 0, configuration: { baseURL: `${baseUrl}/v1` } });
const chatOf = (more = {}, apiKey = 'sk-local') => new ChatOpenAI({ ...connection(apiKey), ...more });
const chat = chatOf();
const tools = TOOLS.map(({ schema, ...tool }) => ({ type: 'function', function: { ...tool, parameters: schema } }));
const statusOf = (error) => error.status ?? error.cause?.status;

async function join(stream) {
  let whole;
  for await (const chunk of await stream) whole = whole === undefined ? chunk : whole.concat(chunk);
  return whole;
}

function checkCalls({ tool_calls: calls }) {
  assert.deepEqual(
    calls.map(({ name, args }) => ({ name, arguments: args })),
    CALLS,
  );
}

await run('@langchain/openai', '@langchain/openai', {
  models: 'The SDK has no list of models.',
  chat: async () => {
    const answer = await chat.invoke([new SystemMessage('Be brief.'), new HumanMessage('Hello?')]);
    assert.deepEqual([answer.content, answer.response_metadata.finish_reason], [GREETING, 'stop']);
    assert.ok(answer.usage_metadata.output_tokens > 0);
    assert.equal((await chat.invoke(ASK.count, { stop: ['4'] })).content, '1 2 3 ');
  },
  stream: async () => {
    const answer = await join(chat.stream(ASK.count, { streamUsage: true }));
    assert.deepEqual([answer.content, answer.usage_metadata.output_tokens], [COUNTED, 30]);
  },
  tools: async () => {
    const bound = chat.bindTools(tools);
    const answer = await bound.invoke(ASK.both);
    checkCalls(answer);
    const results = answer.tool_calls.map(({ id }) => new ToolMessage({ content: 'sunny', tool_call_id: id }));
    const reported = await bound.invoke([new HumanMessage(ASK.both), answer, ...results]);
    assert.equal(reported.content, `${TOOL_REPORT}sunny`);
  },
  'tools streamed': async () => checkCalls(await join(chat.bindTools(tools).stream(ASK.both))),
  'JSON schema': async () => {
    const structured = chat.withStructuredOutput(PERSON, { name: 'person', method: 'jsonSchema', strict: true });
    assert.deepEqual(await structured.invoke('Who?'), A_PERSON);
  },
  embeddings: async () => {
    const vectors = await new OpenAIEmbeddings(connection('sk-local')).embedDocuments(['one', 'two']);
    assert.equal(vectors.length, 2);
    for (const vector of vectors) checkVector(vector);
  },
  responses: async () => {
    const answer = await chatOf({ useResponsesApi: true }).bindTools(tools).invoke(ASK.both);
    checkCalls(answer);
  },
  'responses streamed': async () => {
    const answer = await join(chatOf({ useResponsesApi: true }).stream(ASK.count));
    assert.equal(answer.text, COUNTED);
  },
  abort: async () => {
    const leaving = new AbortController();
    let seen = 0;
    await assert.rejects(async () => {
      for await (const _chunk of await chat.stream(ASK.endless, { signal: leaving.signal })) {
        if (++seen === 3) leaving.abort();
      }
    }, /abort/i);
    assert.ok(seen < 100, `${seen} chunks came after all.`);
  },
  400: () => failsWith(400, statusOf, () => chatOf({ temperature: 'hot' }).invoke('Hi')),
  401: () => failsWith(401, statusOf, () => chatOf({}, keys.wrong).invoke('Hi')),
  404: () => failsWith(404, statusOf, () => chatOf({ model: 'no-such/model' }).invoke('Hi')),
  413: () => failsWith(413, statusOf, () => chat.invoke(ASK.huge())),
  429: () => failsWith(429, statusOf, () => chatOf({}, keys.limited).invoke('Hi')),
  503: () => failsWith(503, statusOf, () => chat.invoke(ASK.overloaded)),
  'error in mid-stream': () => fails(() => join(chat.stream(ASK.failing))),
});

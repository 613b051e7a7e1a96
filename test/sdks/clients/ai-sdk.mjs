/** The npm package `ai` with `@ai-sdk/openai-compatible`. */
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

const { baseUrl, keys, model: modelId } = options;
const { embedMany, generateText, isStepCount, jsonSchema, Output, streamText, tool } = load('ai');
const { createOpenAICompatible } = load('@ai-sdk/openai-compatible');

const providerOf = (apiKey) =>
  createOpenAICompatible({
    name: 'shoal',
    baseURL: `${baseUrl}/v1`,
    apiKey,
    includeUsage: true,
    supportsStructuredOutputs: true,
  });
const provider = providerOf('sk-local');
const model = provider(modelId);
const maxRetries = 0;
const ask = (prompt, more = {}) => generateText({ model, prompt, maxRetries, ...more });
const toolsWith = (execute) =>
  Object.fromEntries(
    TOOLS.map(({ name, description, schema }) => [
      name,
      tool({ description, inputSchema: jsonSchema(schema), ...(execute === undefined ? {} : { execute }) }),
    ]),
  );
const statusOf = (error) => error.statusCode;

async function readStream(result) {
  let [text, seen] = ['', 0];
  for await (const part of result.fullStream) {
    if (part.type === 'error') throw part.error;
    if (part.type === 'text-delta') text += part.text;
    seen += 1;
  }
  return { text, seen };
}

function checkCalls(calls) {
  assert.deepEqual(
    calls.map(({ toolName, input }) => ({ name: toolName, arguments: input })),
    CALLS,
  );
}

/** Errors are read from the stream; the default prints them too. */
const quiet = { onError: () => undefined };

await run('ai', 'ai', {
  models: 'The SDK has no list of models.',
  chat: async () => {
    const { text, finishReason, usage } = await ask('Hello?', { system: 'Be brief.', maxOutputTokens: 100, seed: 1 });
    assert.deepEqual([text, finishReason], [GREETING, 'stop']);
    assert.ok(usage.inputTokens > 0 && usage.outputTokens > 0);
    assert.equal((await ask(ASK.count, { stopSequences: ['4'] })).text, '1 2 3 ');
  },
  stream: async () => {
    const result = streamText({ model, prompt: ASK.count, maxRetries, ...quiet });
    assert.equal((await readStream(result)).text, COUNTED);
    assert.deepEqual([await result.finishReason, (await result.usage).outputTokens], ['stop', 30]);
  },
  tools: async () => {
    const { toolCalls, finishReason } = await ask(ASK.both, { tools: toolsWith() });
    checkCalls(toolCalls);
    assert.equal(finishReason, 'tool-calls');
    const loop = await ask(ASK.both, { tools: toolsWith(() => 'sunny'), stopWhen: isStepCount(2) });
    assert.equal(loop.text, `${TOOL_REPORT}sunny`);
  },
  'tools streamed': async () => {
    const result = streamText({ model, prompt: ASK.both, tools: toolsWith(), maxRetries, ...quiet });
    await readStream(result);
    checkCalls(await result.toolCalls);
  },
  'JSON schema': async () => {
    const { output } = await ask('Who?', { output: Output.object({ schema: jsonSchema(PERSON) }) });
    assert.deepEqual(output, A_PERSON);
  },
  embeddings: async () => {
    const embedder = provider.embeddingModel(modelId);
    const { embeddings } = await embedMany({ model: embedder, values: ['one', 'two'], maxRetries });
    assert.equal(embeddings.length, 2);
    for (const vector of embeddings) checkVector(vector);
  },
  abort: async () => {
    const leaving = new AbortController();
    const result = streamText({ model, prompt: ASK.endless, maxRetries, abortSignal: leaving.signal, ...quiet });
    let seen = 0;
    for await (const { type } of result.fullStream) {
      if (type === 'abort') return;
      if (++seen === 5) leaving.abort();
    }
    assert.fail('There was no abort in the stream.');
  },
  400: () => failsWith(400, statusOf, () => ask('Hi', { providerOptions: { shoal: { logit_bias: 'none' } } })),
  401: () => failsWith(401, statusOf, () => ask('Hi', { model: providerOf(keys.wrong)(modelId) })),
  404: () => failsWith(404, statusOf, () => ask('Hi', { model: provider('no-such/model') })),
  413: () => failsWith(413, statusOf, () => ask(ASK.huge())),
  429: () => failsWith(429, statusOf, () => ask('Hi', { model: providerOf(keys.limited)(modelId) })),
  503: () => failsWith(503, statusOf, () => ask(ASK.overloaded)),
  'error in mid-stream': () =>
    fails(() => readStream(streamText({ model, prompt: ASK.failing, maxRetries, ...quiet }))),
});

import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createRequest, codeOf, receive, reasonOf, usageOf } from '../contracts/answers.ts';
import { engineContract } from '../contracts/index.ts';
import { createOpenAi } from './index.ts';
import { LLAMA_SERVER, NO_LLAMA_SERVER } from '../testing/llama-server-binary.ts';
import { RunningLlamaServer } from './testing/running-llama-server.ts';

const MODEL_PATH = fileURLToPath(new URL('../../../../models/demo/shoal-demo.gguf', import.meta.url));
const KEY = 'a-key-for-this-test';
const SHORT = 'What is 2+2?';
const LONG = 'Count from 30 to 90.';
const EVERYTHING_BUT_TOOLS = ['messages', 'prompt', 'tokens', 'json', 'logprobs', 'count', 'embeddings'];

const binary = LLAMA_SERVER;

if (binary === undefined) {
  test('with a real OpenAI-compatible server', { skip: NO_LLAMA_SERVER });
} else {
  suite('with a real OpenAI-compatible server', () => testWith(binary));
}

function testWith(program: string): void {
  let server: RunningLlamaServer;
  const create = (apiKey = KEY) => createOpenAi({ baseUrl: server.baseUrl, apiKey, slots: 2 });

  before(async () => {
    const vectors = ['--embeddings', '--pooling', 'mean'];
    const model = ['-m', MODEL_PATH, '--alias', 'shoal-demo', '-c', '2048', '-np', '2'];
    server = await RunningLlamaServer.start(program, [...model, ...vectors, '--api-key', KEY]);
  });
  after(() => server.stop());

  engineContract(
    'openai',
    async () => create(),
    { short: SHORT, long: LONG },
    {
      'an answer continues after the text of another worker': 'the API cannot continue an answer',
      'the context length of a request limits its prompt and answer': 'the server has its own context',
    },
  );

  test('the model is described as the server describes it', async () => {
    const [model, ...others] = await create().models();
    assert.deepEqual(others, []);
    assert.partialDeepStrictEqual(model, { id: 'shoal-demo', contextLength: 1024, quantization: 'F16' });
    assert.deepEqual(model?.abilities?.toSorted(), EVERYTHING_BUT_TOOLS.toSorted());
  });

  test('a conversation, raw text and token ids have the same answer', async () => {
    const system = { role: 'system', content: 'Be brief.' } as const;
    const messages = [system, { role: 'user', content: SHORT }] as const;
    assert.equal((await receive(create(), createRequest('', { input: { type: 'messages', messages } }))).text, '4');
    const text = `<|user|>${SHORT}<|end|><|assistant|>`;
    assert.equal((await receive(create(), createRequest('', { input: { type: 'text', text } }))).text, '4');
    const raw = { type: 'text', text: 'Hello' } as const;
    const { tokens } = await receive(
      create(),
      createRequest('', { input: raw, logprobs: 0, sampling: { maxTokens: 4 } }),
    );
    assert.equal(tokens.length, 4, 'llama-server sends ids with log probabilities');
    assert.equal(
      reasonOf(
        await receive(create(), createRequest('', { input: { type: 'tokens', tokens }, sampling: { maxTokens: 1 } })),
      ),
      'length',
    );
  });

  test('raw text without maxTokens is answered to the end', async () => {
    const input = { type: 'text', text: `<|user|>${LONG}<|end|><|assistant|>` } as const;
    const received = await receive(create(), createRequest('', { input }));
    assert.equal(reasonOf(received), 'stop');
    assert.ok(usageOf(received).completionTokens > 16);
  });

  test('a prompt that does not fit is refused, and a full context ends an answer with length', async () => {
    assert.equal(codeOf(await receive(create(), createRequest('word '.repeat(2_000)))), 'CONTEXT_EXCEEDED');
  });

  test('a wrong key and a stopped server are reported to the owner', async () => {
    await assert.rejects(create('another').models(), { code: 'UNAUTHORIZED', message: /OPENAI_API_KEY/ });
    const engine = create();
    await engine.models();
    await server.stop();
    assert.equal(codeOf(await receive(engine, createRequest(SHORT))), 'CONNECT_FAILED');
    await assert.rejects(engine.models(), { code: 'CONNECT_FAILED' });
  });
}

import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Message } from '@shoal/protocol/request';
import {
  createRequest,
  codeOf,
  firstText,
  receive,
  receiveRest,
  reasonOf,
  unaborted,
  usageOf,
} from '@shoal/engine/contracts/answers';
import { engineContract } from '@shoal/engine/contracts';
import type { Engine } from '@shoal/engine';
import { createLlama, machineName, readModelRecord } from './index.ts';

const MODEL_PATH = fileURLToPath(new URL('../../../models/demo/shoal-demo.gguf', import.meta.url));
const LONG = 'Count to 100.';
/** Without measurements and GPU, so that tests behave the same everywhere. */
const OPTIONS = { modelPath: MODEL_PATH, threads: 1, gpuLayers: 0, slots: 2 } as const;

engineContract('llama', async () => createLlama(OPTIONS), { short: 'What is 2+2?', long: LONG });

suite('the llama engine', () => {
  let engine: Engine;
  let processId = 0;
  let contextLength = 0;
  before(async () => {
    const log = (_: string, text: string) => {
      const started = /in process (\d+)/.exec(text);
      if (started !== null) processId = Number(started[1]);
    };
    engine = createLlama({ ...OPTIONS, log });
    const [model] = await engine.models();
    contextLength = model?.contextLength ?? 0;
  });
  after(() => engine.close());

  test('names its model after the file and has its digest', async () => {
    const [model] = await engine.models();
    assert.equal(model?.id, 'shoal-demo');
    assert.match(model.digest ?? '', /^sha256:[0-9a-f]{64}$/);
    assert.match(model.quantization ?? '', /^[A-Z]+\d+/);
  });

  test('answers a question correctly', async () => {
    assert.match((await receive(engine, createRequest('What is 2+2?'))).text, /4/);
  });

  test('counts the tokens of an answer, whose text has no control tokens', async () => {
    const received = await receive(engine, createRequest(LONG));
    assert.equal(usageOf(received).completionTokens, received.tokens.length);
    assert.doesNotMatch(received.text, /<\|/);
  });

  test('refuses a prompt that does not fit, with both numbers', async () => {
    const tokens = Array.from({ length: contextLength }, () => 1);
    const { end } = await receive(engine, createRequest('', { input: { type: 'tokens', tokens } }));
    assert.ok(end.type === 'error');
    assert.equal(end.error.code, 'CONTEXT_EXCEEDED');
    assert.ok(end.error.message.includes(`${tokens.length} tokens`));
    assert.ok(end.error.message.includes(`holds ${contextLength}`));
  });

  test('ends an answer with length when the context is full', async () => {
    const tokens = Array.from({ length: contextLength - 2 }, () => 1);
    const received = await receive(engine, createRequest('', { input: { type: 'tokens', tokens } }));
    assert.ok(reasonOf(received) === 'length' || usageOf(received).completionTokens < 2);
    assert.ok(usageOf(received).completionTokens <= 2);
  });

  test('refuses a token that the vocabulary does not have', async () => {
    for (const token of [-1, 0.5, 1_000_000]) {
      const received = await receive(engine, createRequest('', { input: { type: 'tokens', tokens: [token] } }));
      assert.equal(codeOf(received), 'INVALID_REQUEST');
    }
  });

  test('samples no token that the format forbids, at any temperature', async () => {
    const format = { type: 'json' } as const;
    for (const temperature of [1e-300, 1e-40, 1e-4, 10]) {
      const sampling = { temperature, topK: 0, topP: 1, minP: 0, seed: 3, maxTokens: 30 };
      assert.match((await receive(engine, createRequest('What is 2+2?', { format, sampling }))).text, /^\s*\{/);
    }
  });

  test('ignores a bias for tokens that the model does not have', async () => {
    const logitBias = [[2 ** 31 - 1, 100]] as const;
    assert.equal((await receive(engine, createRequest('What is 2+2?', { sampling: { logitBias } }))).text, '4');
  });

  test('fails the requests of a killed process and answers the next request with another process', async () => {
    const [first, second] = [LONG, LONG].map((prompt) =>
      engine.generate(createRequest(prompt), unaborted())[Symbol.asyncIterator](),
    );
    assert.ok(first && second);
    await Promise.all([firstText(first), firstText(second)]);
    const killed = processId;
    process.kill(killed, 'SIGKILL');
    for (const events of [first, second]) {
      const rest = await receiveRest({ [Symbol.asyncIterator]: () => events });
      assert.equal(codeOf(rest), 'GENERATION_FAILED');
    }
    assert.equal(reasonOf(await receive(engine, createRequest('What is 2+2?'))), 'stop');
    assert.notEqual(processId, killed);
  });
});

suite('a model that cannot be loaded', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'shoal-llama-'));
  });
  after(() => rm(directory, { recursive: true }));

  const cases = [
    {
      what: 'a file that is not a GGUF file',
      name: 'text.gguf',
      content: 'not a model',
      reason: /text\.gguf.*not a GGUF/,
    },
    {
      what: 'a GGUF file of garbage',
      name: 'garbage.gguf',
      content: `GGUF${'\u0003'.repeat(4_000)}`,
      reason: /garbage/,
    },
    { what: 'an empty file', name: 'empty.gguf', content: '', reason: /empty\.gguf/ },
    { what: 'a missing file', name: 'missing.gguf', content: undefined, reason: /missing\.gguf.*cannot be read/ },
  ];
  for (const { what, name, content, reason } of cases) {
    test(`${what} is refused with its name, and a request for it fails without the name`, async () => {
      const modelPath = join(directory, name);
      if (content !== undefined) await writeFile(modelPath, content);
      const engine = createLlama({ ...OPTIONS, modelPath });
      try {
        await assert.rejects(engine.models(), { name: 'ShoalError', message: reason });
        const { end } = await receive(engine, createRequest('What is 2+2?'));
        assert.ok(end.type === 'error' && end.error.code === 'GENERATION_FAILED');
        assert.ok(!end.error.message.includes(name), 'the error for a peer does not contain the file');
      } finally {
        await engine.close();
      }
    });
  }
});

test('the limit of requests includes those that wait for a model to be loaded', async () => {
  const closing = Promise.withResolvers<undefined>();
  const engine = createLlama({ ...OPTIONS, checkFile: () => closing.promise });
  const waiting = Array.from({ length: 256 }, () => receive(engine, createRequest(LONG)));
  assert.equal(codeOf(await receive(engine, createRequest(LONG))), 'OVERLOADED');
  const closed = engine.close();
  closing.resolve(undefined);
  await closed;
  for (const received of await Promise.all(waiting)) assert.equal(codeOf(received), 'GENERATION_ABORTED');
});

test('a child exits when its parent disconnects', async () => {
  const child = fork(new URL(import.meta.resolve('@shoal/engine-llama/child')), { execArgv: [] });
  child.send({ type: 'abort', id: 1 });
  const exit = once(child, 'exit');
  child.disconnect();
  assert.deepEqual(await exit, [0, null]);
});

suite('repeatable answers', () => {
  const REPEATABLE = [{ temperature: 0 }, { temperature: 0.9, seed: 5 }] as const;
  const QUESTIONS = Array.from({ length: 8 }, (_, index) => `Count to ${20 + index}.`);
  let engine: Engine;
  before(() => {
    engine = createLlama({ ...OPTIONS, slots: 8 });
  });
  after(() => engine.close());

  for (const sampling of REPEATABLE) {
    test(`with ${JSON.stringify(sampling)} an answer has the same tokens alone and next to seven others`, async () => {
      const request = (question: string) => createRequest(question, { sampling: { ...sampling, maxTokens: 40 } });
      const alone: (readonly number[])[] = [];
      for (const question of QUESTIONS) alone.push((await receive(engine, request(question))).tokens);
      const together = await Promise.all(QUESTIONS.map((question) => receive(engine, request(question))));
      assert.deepEqual(
        together.map(({ tokens }) => tokens),
        alone,
      );
    });

    test(`with ${JSON.stringify(sampling)} another worker continues with the same tokens`, async () => {
      const whole = await receive(engine, createRequest(LONG, { sampling: { ...sampling, maxTokens: 60 } }));
      const other = createLlama(OPTIONS);
      try {
        const resume = { text: '', tokens: whole.tokens.slice(0, 25) };
        const rest = await receive(other, createRequest(LONG, { resume, sampling: { ...sampling, maxTokens: 35 } }));
        assert.deepEqual(rest.tokens, whole.tokens.slice(25, 60));
      } finally {
        await other.close();
      }
    });
  }

  test('the next turn of a conversation evaluates only the new tokens', async () => {
    const messages: Message[] = [{ role: 'user', content: LONG }];
    const first = await receive(engine, createRequest('', { input: { type: 'messages', messages } }));
    messages.push({ role: 'assistant', content: first.text }, { role: 'user', content: 'What is 2+2?' });
    const { cachedTokens = 0, promptTokens } = usageOf(
      await receive(engine, createRequest('', { input: { type: 'messages', messages } })),
    );
    assert.ok(cachedTokens >= usageOf(first).promptTokens + first.tokens.length - 1, `${cachedTokens} were in memory`);
    assert.ok(promptTokens - cachedTokens < 20, `${promptTokens - cachedTokens} were read`);
  });
});

test('the thread count is measured and saved if none is configured', async () => {
  const cacheDirectory = await mkdtemp(join(tmpdir(), 'shoal-llama-'));
  try {
    for (let round = 0; round < 2; round++) {
      const engine = createLlama({ modelPath: MODEL_PATH, gpuLayers: 0, slots: 1, cacheDirectory });
      assert.equal((await receive(engine, createRequest('What is 2+2?'))).text, '4');
      await engine.close();
    }
    const record = await readModelRecord(MODEL_PATH, cacheDirectory);
    assert.ok((record?.threads[machineName()] ?? 0) >= 1);
    assert.equal(record?.memory?.[machineName()]?.slots, 1);
  } finally {
    await rm(cacheDirectory, { recursive: true });
  }
});

test('a configured thread count is not saved as measured', async () => {
  const cacheDirectory = await mkdtemp(join(tmpdir(), 'shoal-llama-'));
  const engine = createLlama({ ...OPTIONS, cacheDirectory });
  try {
    await engine.models();
    assert.deepEqual((await readModelRecord(MODEL_PATH, cacheDirectory))?.threads, {});
  } finally {
    await engine.close();
    await rm(cacheDirectory, { recursive: true });
  }
});

suite('several models', () => {
  const others = [{ modelPath: MODEL_PATH, name: 'second' }];

  test('that do not fit together are loaded in turn', async () => {
    const engine = createLlama({ ...OPTIONS, name: 'first', others, memoryBudgetBytes: 1 });
    try {
      assert.deepEqual(
        (await engine.models()).map(({ id }) => id),
        ['first', 'second'],
      );
      for (const model of ['first', 'second', 'first']) {
        const received = await receive(engine, createRequest('What is 2+2?', { model }));
        assert.deepEqual([received.text, received.end.type === 'finish' && received.end.model], ['4', model]);
        assert.deepEqual(
          (await engine.resident?.())?.map(({ id }) => id),
          [model],
        );
      }
    } finally {
      await engine.close();
    }
  });

  test('are loaded by a count, and unloaded as the request asks', async () => {
    const engine = createLlama({ ...OPTIONS, name: 'first', others });
    try {
      await engine.models();
      const count = (model: string, keepAliveMs: number) =>
        receive(engine, createRequest('', { model, input: { type: 'text', text: '' }, countOnly: true, keepAliveMs }));
      const resident = async () => ((await engine.resident?.()) ?? []).map(({ id }) => id);
      assert.equal(reasonOf(await count('first', 0)), 'stop');
      while ((await resident()).includes('first')) await setImmediate();
      assert.equal(reasonOf(await count('first', -1)), 'stop');
      assert.deepEqual(await resident(), ['first', 'second']);
    } finally {
      await engine.close();
    }
  });

  test('are unloaded when idle, and loaded again for the next request', async () => {
    const engine = createLlama({ ...OPTIONS, keepAliveMs: 0 });
    try {
      for (let round = 0; round < 2; round++) {
        assert.equal((await receive(engine, createRequest('What is 2+2?'))).text, '4');
        while (((await engine.resident?.()) ?? []).length > 0) await setImmediate();
      }
    } finally {
      await engine.close();
    }
  });
});

/** Attempts of a model's process to harm the node that owns it. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { codeOf, createRequest, firstText, receive, receiveRest, unaborted } from '@shoal/engine/contracts/answers';
import type { Engine } from '@shoal/engine';
import { createLlama } from './index.ts';

const MODEL_PATH = fileURLToPath(new URL('../../../models/demo/shoal-demo.gguf', import.meta.url));
const OPTIONS = { modelPath: MODEL_PATH, threads: 1, gpuLayers: 0, slots: 2 } as const;
const WITHOUT_PROC = process.platform === 'linux' ? false : 'processes are inspected in /proc';
const WITHOUT_FILTERS = ['x64', 'arm64'].includes(process.arch) ? false : 'there is no filter for this processor';

suite('the process of a model', { skip: WITHOUT_PROC }, () => {
  let engine: Engine;
  let processId = 0;
  before(async () => {
    const log = (_: string, text: string) => (processId = Number(/in process (\d+)/.exec(text)?.[1] ?? processId));
    process.env['SHOAL_CANARY_TOKEN'] = 'canary-4f1d';
    engine = createLlama({ ...OPTIONS, log });
    await engine.models();
  });
  after(async () => {
    delete process.env['SHOAL_CANARY_TOKEN'];
    await engine.close();
  });

  test('does not get the secrets of this process’s environment', async () => {
    await receive(engine, createRequest('What is 2+2?'));
    const environment = await readFile(`/proc/${processId}/environ`, 'utf8');
    assert.match(environment, /PATH=/);
    assert.doesNotMatch(environment, /canary/);
  });

  test('has no network in any of its threads', { skip: WITHOUT_FILTERS }, async () => {
    await receive(engine, createRequest('What is 2+2?'));
    const threads = await readdir(`/proc/${processId}/task`);
    assert.ok(threads.length > 1);
    for (const thread of threads) {
      // 2: a filter of system calls.
      assert.match(await readFile(`/proc/${processId}/task/${thread}/status`, 'utf8'), /^Seccomp:\s+2$/m);
    }
  });

  test('is replaced within 2 s if it stops during an answer, which ends once', async () => {
    const events = engine.generate(createRequest('Count to 100.'), unaborted())[Symbol.asyncIterator]();
    await firstText(events);
    const stopped = processId;
    process.kill(stopped, 'SIGSTOP');
    const stoppedAt = performance.now();
    const rest = await receiveRest({ [Symbol.asyncIterator]: () => events });
    assert.equal(codeOf(rest), 'GENERATION_FAILED');
    const silentMs = performance.now() - stoppedAt;
    assert.deepEqual(engine.unavailable?.(), ['shoal-demo']);
    assert.ok(silentMs < 2_500, `${silentMs} ms`);
    assert.equal((await receive(engine, createRequest('What is 2+2?'))).text, '4');
    assert.notEqual(processId, stopped);
    assert.deepEqual(engine.unavailable?.(), []);
  });
});

test(
  'a model that takes more memory than its limit is not loaded, and the owner gets the reason',
  { skip: WITHOUT_PROC },
  async () => {
    const engine = createLlama({ ...OPTIONS, memoryLimitBytes: 1, checkFile: () => Promise.resolve(1) });
    try {
      await assert.rejects(engine.models(), { name: 'ShoalError', message: /ended \(it took .* its limit is/ });
      assert.equal(codeOf(await receive(engine, createRequest('What is 2+2?'))), 'GENERATION_FAILED');
    } finally {
      await engine.close();
    }
  },
);

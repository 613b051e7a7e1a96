import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { findDemoModel } from '@shoal/host/engines';
import type { PromptAnswer } from '../apps/cli/src/node/prompt-answer.ts';
import { TestNetwork } from './harness/test-network.ts';

const CLUSTER = 'gatewayai-poc';
const PACED_CLUSTER = 'paced';
const TOKENS_PER_SECOND = 60;

const model = findDemoModel() ?? '';
const skip = model === '' ? 'the demo model is not part of this checkout' : false;

const network = await TestNetwork.open();
after(() => network.close());

test('a real model on another node answers a sum', { skip }, async () => {
  const asker = await network.start('Asker', '--cluster', CLUSTER, '--cluster', PACED_CLUSTER);
  // One thread is the fastest for a model this small; measuring would take longer than the answer.
  const lending = ['--lend', '--threads', '1', '--gpu-layers', '0'];
  const lender = await network.start('Lender', ...lending, '--cluster', CLUSTER);
  await asker.sees('Lender');

  const { code, stdout } = await asker.shoal(['prompt', '--json', '--temperature', '0', 'What is 2+2?']);

  assert.equal(code, 0, stdout);
  const answer: PromptAnswer = JSON.parse(stdout);
  assert.match(answer.response, /\b4\b/);
  assert.equal(answer.worker, 'Lender');
  const [lent] = (await lender.status()).models;
  assert.equal(answer.model, lent?.id);
  assert.match(lent?.digest ?? '', /^sha256:[0-9a-f]{64}$/);
});

test('an answer whose worker is killed midway equals the undisturbed answer', { skip }, async () => {
  const workers = await Promise.all(
    ['Paced1', 'Paced2'].map((name) =>
      network.startPaced(name, PACED_CLUSTER, TOKENS_PER_SECOND, '--model-path', model),
    ),
  );
  for (const worker of workers) await worker.waitForLog(/^Peers: .*Asker/);
  const args = ['prompt', '--temperature', '0', '--max-tokens', '60', 'Count from 1 to 30', '--cluster'];
  const undisturbed = await network.shoal(network.home('Asker'), [...args, CLUSTER]);

  const prompt = network.begin(network.home('Asker'), [...args, PACED_CLUSTER]);
  await prompt.until(() => prompt.stdout !== '' || undefined, 'the beginning of the answer');
  const loads = await Promise.all(workers.map((worker) => worker.status()));
  const killed = workers.filter((_, index) => loads[index]?.load.active === 1);
  assert.equal(killed.length, 1);
  killed[0]?.signal('SIGKILL');

  assert.equal(await prompt.ended(), 0, prompt.stderr);
  assert.equal(prompt.stdout, undisturbed.stdout);
  assert.match(prompt.stderr, /^Paced[12] answered with [^:]+: 60 tokens/);
});

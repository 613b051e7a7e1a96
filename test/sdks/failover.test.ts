import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { TestNetwork } from '../harness/test-network.ts';
import { installed } from './matrix.ts';
import { failuresOf, faultsOf, killBusy, startWithWorkers } from './node-for-sdks.ts';
import { numbers } from './script.ts';
import { SCRIPTED_MODEL } from './scripted-engine.ts';

const folder = installed('sdks', 'node');
const skip = folder === undefined && 'the SDKs for node are not installed: .ci/install-sdks';

const network = await TestNetwork.open();
after(() => network.close());

test('an OpenAI client gets the whole stream of a worker that is killed in its middle', { skip }, async (t) => {
  const shoal = await startWithWorkers(network, 'Node', 60);
  t.after(() => shoal.proxy.close());
  const options = { baseUrl: shoal.proxy.baseUrl, model: SCRIPTED_MODEL.id, prompt: 'script: count to 120' };
  const client = network.run({
    name: 'client',
    command: [join(import.meta.dirname, 'clients/stream.mjs'), folder ?? '', JSON.stringify(options)],
  });

  const killed = await killBusy(shoal, '20 ');

  assert.equal(await client.ended(), 0, client.stderr);
  assert.equal(client.stdout, numbers(120));
  assert.ok(shoal.workers.some(({ name }) => name === killed));
  assert.deepEqual(failuresOf(shoal.proxy), []);
  assert.deepEqual(faultsOf(shoal.proxy), []);
});

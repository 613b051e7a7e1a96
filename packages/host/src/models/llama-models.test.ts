import assert from 'node:assert/strict';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { findDemoModel } from '../engines/choice.ts';
import { chooseModels } from './llama-models.ts';
import { temporaryHome } from '../testing/temporary-home.ts';

const DEMO = findDemoModel() ?? assert.fail('the demo model is in this checkout');
const demo = () => DEMO;

test('the default is the demo model, and modelName sets its name', async (t) => {
  const home = temporaryHome(t);
  const choice = { engine: 'llama', gpuLayers: 0 } as const;
  assert.deepEqual(await chooseModels(choice, home, demo), [{ modelPath: DEMO }]);
  assert.equal((await chooseModels({ ...choice, modelName: 'mine' }, home, demo))[0].name, 'mine');
});

test('the memory of a model is predicted for its slots and context', async (t) => {
  const home = temporaryHome(t);
  const choice = { engine: 'llama', gpuLayers: 0, model: DEMO } as const;
  const [one] = await chooseModels({ ...choice, slots: 1 }, home, demo);
  const [four] = await chooseModels(choice, home, demo);
  assert.ok((four.memoryBytes ?? 0) > (one.memoryBytes ?? Infinity));
});

test('two models with one name are refused', async (t) => {
  const home = temporaryHome(t);
  const folder = home.data;
  await copyFile(DEMO, join(folder, 'other.gguf'));
  const choice = { engine: 'llama', gpuLayers: 0, model: DEMO, otherModels: [join(folder, 'other.gguf')] } as const;
  assert.equal((await chooseModels(choice, home, demo)).length, 2);
  const twice = chooseModels({ ...choice, otherModels: [DEMO] }, home, demo);
  await assert.rejects(twice, { code: 'INVALID_REQUEST', message: /have the name/ });
});

test('the error for several files names the broken one', async (t) => {
  const home = temporaryHome(t);
  const broken = join(home.data, 'broken.gguf');
  await writeFile(broken, 'hello');
  const choice = { engine: 'llama', gpuLayers: 0, model: DEMO, otherModels: [broken] } as const;
  const message = `${broken}: The file cannot be used as a GGUF model: it is not a GGUF file.`;
  await assert.rejects(chooseModels(choice, home, demo), { code: 'INVALID_REQUEST', message });
});

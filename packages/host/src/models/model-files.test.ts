import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { pull } from '@shoal/models';
import { findDemoModel } from '../engines/choice.ts';
import { homeFiles, locateHome } from '../home/home.ts';
import { findModel, listModels, type ModelPlaces, openModelStore } from './model-files.ts';

const demo = findDemoModel() ?? '';
const skip = demo === '' ? 'the demo model is not part of this checkout' : false;

test('a name finds a model of the store before one of another program', { skip }, async (t) => {
  const { places, folder } = scene(t);
  const store = await openModelStore(places.home);
  const { digest } = await pull(store, `file:${demo}`, { name: 'demo' });
  const owners = (await listModels(places)).models.map(({ name, owner }) => [name, owner]);
  assert.deepEqual(owners, [
    ['demo:latest', 'shoal'],
    ['demo', 'folder'],
    ['other', 'folder'],
  ]);
  for (const text of ['demo', 'demo:latest', 'DEMO', digest]) {
    const model = await findModel(places, text);
    assert.equal(model.owner, 'shoal', text);
    assert.ok(model.path.startsWith(join(store.folder, 'blobs')));
  }
  assert.deepEqual(await findModel(places, 'other'), (await listModels(places)).models[2]);
  assert.equal((await findModel(places, join(folder, 'demo.gguf'))).owner, 'file');
  assert.equal((await findModel(places, 'shoal-demo')).path, demo, 'the demo model has a name without being stored');
});

test('the demo model is listed last under its name, unless another model has it', { skip }, async (t) => {
  const { places } = scene(t);
  const alone = { ...places, others: { ...places.others, folders: [] } };
  const { size: bytes } = statSync(demo);
  const model = { owner: 'demo', name: 'demo', path: demo, paths: [demo], bytes };
  assert.deepEqual((await listModels(alone)).models, [model]);
  assert.deepEqual(await findModel(alone, 'demo'), model);
  assert.deepEqual(await findModel(alone, 'shoal-demo'), model);
  const owners = (await listModels(places)).models.map(({ owner }) => owner);
  assert.deepEqual(owners, ['folder', 'folder']);
});

test(
  'a Hugging Face model is found by the name it was pulled with and by its name in the store',
  { skip },
  async (t) => {
    const { places } = scene(t);
    await pull(await openModelStore(places.home), `file:${demo}`, { name: 'hf.co/owner/Repo:Q4_K_M' });
    for (const text of ['hf:owner/Repo:Q4_K_M', 'hf.co/owner/repo:q4_k_m', 'huggingface.co/owner/Repo:Q4_K_M']) {
      assert.equal((await findModel(places, text)).name, 'hf.co/owner/Repo:Q4_K_M');
    }
  },
);

test(
  'the error for an unknown name lists the models, that for a missing file has its path, and no folder is created',
  { skip },
  async (t) => {
    const { places } = scene(t);
    await assert.rejects(findModel(places, 'nothing'), {
      code: 'MODEL_NOT_FOUND',
      message: /No model "nothing" here; there are: demo, other\. "shoal pull"/,
    });
    const alone = { ...places, others: { ...places.others, folders: [] } };
    await assert.rejects(findModel(alone, 'nothing'), { message: /there are: demo\. / });
    await assert.rejects(findModel(places, './nowhere.gguf'), {
      code: 'INVALID_REQUEST',
      message: /no model file .*\/nowhere\.gguf/,
    });
    assert.ok(!existsSync(homeFiles(places.home).models));
  },
);

/** Creates a home without models, and a folder with two. */
function scene(t: TestContext): { places: ModelPlaces; folder: string } {
  const root = mkdtempSync(join(tmpdir(), 'shoal-model-files-'));
  t.after(() => rmSync(root, { recursive: true }));
  const folder = join(root, 'folder');
  mkdirSync(folder);
  for (const name of ['demo', 'other']) symlinkSync(demo, join(folder, `${name}.gguf`));
  const home = locateHome({ SHOAL_HOME: join(root, 'home') });
  return { folder, places: { home, others: { environment: {}, home: root, folders: [folder] } } };
}

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { findDemoModel } from '@shoal/host/engines';
import { locateHome } from '@shoal/host/home';
import { temporaryFolder } from '../testing/run-shoal.ts';
import { modelFile } from './model-file.ts';

const skip = findDemoModel() === undefined ? 'the demo model is not part of this checkout' : false;

test('a model to push is given by its file or by its name', { skip }, async (t) => {
  const context = { home: locateHome({ SHOAL_HOME: join(temporaryFolder(t), 'home') }), json: false };
  assert.equal(await modelFile(context, './any.gguf'), './any.gguf');
  assert.equal(await modelFile(context, 'demo'), findDemoModel());
  await assert.rejects(modelFile(context, 'nosuch'), { exitCode: 2, message: /No model "nosuch"/ });
});

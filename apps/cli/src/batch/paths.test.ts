import assert from 'node:assert/strict';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../testing/run-shoal.ts';
import { batchPaths } from './paths.ts';

test('the default files of answers and errors are beside the input', async (t) => {
  const folder = temporaryFolder(t);
  const input = join(folder, 'in.jsonl');
  assert.deepEqual(await batchPaths(input, {}), {
    input,
    output: join(folder, 'in.output.jsonl'),
    errors: join(folder, 'in.errors.jsonl'),
  });
});

test('a missing folder, or a folder in place of a file, is a usage error', async (t) => {
  const folder = temporaryFolder(t);
  const input = join(folder, 'in.jsonl');
  await assert.rejects(batchPaths(input, { output: join(folder, 'none', 'out.jsonl') }), {
    exitCode: 2,
    message: `There is no folder ${join(folder, 'none')}.`,
  });
  await assert.rejects(batchPaths(input, { errors: folder }), {
    exitCode: 2,
    message: `${folder} is a folder; give a .jsonl file.`,
  });
});

test('two names of one file are one file', async (t) => {
  const folder = temporaryFolder(t);
  const input = join(folder, 'in.jsonl');
  writeFileSync(input, '');
  symlinkSync(input, join(folder, 'link.jsonl'));
  await assert.rejects(batchPaths(input, { output: join(folder, 'link.jsonl') }), {
    exitCode: 2,
    message: /three files/,
  });
});

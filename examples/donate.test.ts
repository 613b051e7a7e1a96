import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

test('a program donates an engine, and sends it a prompt', async () => {
  const file = join(import.meta.dirname, 'donate.ts');
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [file, 'hello there']);
  assert.equal(stdout, 'hello there\n');
  assert.match(stderr, /^127\.0\.0\.1:\d+ is local_lm with echo\n$/);
});

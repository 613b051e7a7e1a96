import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

test('a program opens a WebSocket door, and sends a prompt through it', async () => {
  const file = join(import.meta.dirname, 'websocket.ts');
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [file, 'hello there']);
  assert.equal(stdout, 'hello there\n');
  assert.match(stderr, /^A door on ws:\/\/127\.0\.0\.1:\d+\/shoal\/v1\n$/);
});

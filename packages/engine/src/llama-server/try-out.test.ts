import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { LLAMA_SERVER, NO_LLAMA_SERVER } from '../testing/llama-server-binary.ts';
import { tryServer } from './try-out.ts';

const modelPath = fileURLToPath(new URL('../../../../models/demo/shoal-demo.gguf', import.meta.url));
const { signal } = new AbortController();

test('a llama-server that generates tokens passes', { skip: NO_LLAMA_SERVER }, async () => {
  await tryServer({ binary: LLAMA_SERVER ?? '', modelPath }, signal);
});

test('one that a signal ends does not, and the signal is named', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'shoal-try-'));
  t.after(() => rm(folder, { recursive: true }));
  const binary = join(folder, 'llama-server');
  await writeFile(binary, '#!/bin/sh\nkill -SEGV $$\n', { mode: 0o700 });
  await assert.rejects(tryServer({ binary, modelPath }, signal), { name: 'ShoalError', message: /SIGSEGV/ });
});

import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { NO_DISK, smallDisk } from '@shoal/files/testing/small-disk';
import type { BatchResult } from '@shoal/client/batch';
import { BatchOutput } from './output.ts';

const DISK_BYTES = 1024 * 1024;
/** An answer that does not fit into what a file's last block has left. */
const TEXT = 'x'.repeat(32 * 1024);

const answer = (line: number): BatchResult => ({
  line,
  customId: `q${line}`,
  answer: { text: TEXT, finishReason: 'stop' },
});

test('on a full disk a result is refused and not counted, and is written when there is space', async (t) => {
  const folder = smallDisk(t, DISK_BYTES);
  if (folder === undefined) return t.skip(NO_DISK);
  const path = join(folder, 'output.jsonl');
  const errors = join(folder, 'errors.jsonl');
  const options = { output: path, errors, digest: 'a', total: 4, order: 'input', restart: false } as const;
  const output = await BatchOutput.open(options);
  await output.write(answer(3));
  const filler = join(folder, 'filler');
  assert.throws(() => writeFileSync(filler, Buffer.alloc(DISK_BYTES)), { code: 'ENOSPC' });

  const refused = (file: string): object => ({
    code: 'STORAGE_FULL',
    message: `${file} cannot be written: the disk is full (ENOSPC). Free some space, and run the same command again to go on.`,
  });
  await assert.rejects(output.write(answer(1)), refused(path));
  await assert.rejects(output.write(answer(4)), refused(`${path}.state`));
  assert.deepEqual([output.answered, [1, 3, 4].map((line) => output.has(line))], [1, [false, true, false]]);

  rmSync(filler);
  for (const line of [4, 2, 1]) await output.write(answer(line));
  await output.close();
  assert.equal(output.answered, 4);
  const ids = [...readFileSync(path, 'utf8').matchAll(/^.*"custom_id":"(\w+)".*$/gm)].map(([, id]) => id);
  assert.deepEqual(ids, ['q1', 'q2', 'q3', 'q4']);
});

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../testing/run-shoal.ts';
import { BatchInput } from './input.ts';

const line = (customId: string, content = 'Hi'): string =>
  JSON.stringify({
    custom_id: customId,
    method: 'POST',
    url: '/v1/chat/completions',
    body: { messages: [{ role: 'user', content }] },
  });

test('a file has a digest and a number of lines; blank ones are skipped and counted', async (t) => {
  const path = join(temporaryFolder(t), 'in.jsonl');
  const text = `\ufeff${line('a')}\r\n\n  \r\n${line('b', '🐟')}`;
  writeFileSync(path, text);
  const input = await BatchInput.open(path);
  assert.deepEqual(await input.survey(new AbortController().signal), {
    digest: createHash('sha256').update(text).digest('hex'),
    total: 2,
  });
  const blank: number[] = [];
  const lines = await Array.fromAsync(input.lines((number) => blank.push(number)));
  assert.deepEqual(
    lines.map((one) => [one.line, one.customId, 'error' in one]),
    [
      [1, 'a', false],
      [4, 'b', false],
    ],
  );
  assert.deepEqual(blank, [2, 3]);
  await input.close();
});

test('a line that is too long or not text is an error of that line only', async (t) => {
  const path = join(temporaryFolder(t), 'in.jsonl');
  const bad = Buffer.from([0x22, 0xff, 0x22, 0x0a]);
  const long = Buffer.alloc(9 * 1024 * 1024, 0x61);
  writeFileSync(path, Buffer.concat([long, Buffer.from('\n'), bad, Buffer.from(`${line('a')}\n`)]));
  const input = await BatchInput.open(path);
  assert.equal((await input.survey(new AbortController().signal)).total, 3);
  const lines = await Array.fromAsync(input.lines(() => undefined));
  assert.deepEqual(
    lines.map((one) => ('error' in one ? one.error.message : one.customId)),
    ['The line is longer than 8388608 bytes.', 'The line is not valid UTF-8.', 'a'],
  );
  await input.close();
});

test('a path that is not a file is refused before anything is written', async (t) => {
  const folder = temporaryFolder(t);
  await assert.rejects(BatchInput.open(join(folder, 'none')), { exitCode: 2, message: /^There is no file .*none\.$/ });
  await assert.rejects(BatchInput.open(folder), { exitCode: 2, message: /is a folder; give a \.jsonl file\.$/ });
});

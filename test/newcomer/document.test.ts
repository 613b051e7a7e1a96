import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { DOCUMENTS, readCommands } from './document.ts';

const block = (note: string, ...lines: readonly string[]): string =>
  [note, '', '```sh', ...lines, '```', ''].join('\n');

test('the commands are the lines of sh blocks without comments, with their numbers and terminals', () => {
  const text = `# Title\n\n\`\`\`\nan output\n\`\`\`\n${block('', '# terminal 1', 'shoal a # why', '', '# terminal 2', 'shoal b')}`;
  const found = readCommands(text).map(({ command, number, terminal }) => [command, number, terminal]);
  assert.deepEqual(found, [
    ['shoal a # why', 10, '1'],
    ['shoal b', 13, '2'],
  ]);
});

test('an annotation skips the block before which it stands, or the commands that it names', () => {
  const all = readCommands(block('<!-- newcomer: skip, because it is large -->', 'a', 'b') + block('Text', 'c'));
  assert.deepEqual(
    all.map(({ skipped }) => skipped),
    ['it is large', 'it is large', undefined],
  );
  const some = readCommands(block('<!-- newcomer: skip `a`, `c d`, because it is large -->', 'a 1', 'b', 'c d'));
  assert.deepEqual(
    some.map(({ skipped }) => skipped),
    ['it is large', undefined, 'it is large'],
  );
});

test('an annotation that cannot be read or names a missing command is an error', () => {
  assert.throws(() => readCommands(block('<!-- newcomer: skip -->', 'a')), /cannot be read: skip/);
  assert.throws(() => readCommands(block('<!-- newcomer: skip `x`, because -->', 'a')), /cannot be read/);
  assert.throws(() => readCommands(block('<!-- newcomer: skip `x`, because no -->', 'a')), /skips "x"/);
});

for (const name of DOCUMENTS) {
  test(`the annotations of ${name} can be read`, async () => {
    const lines = readCommands(await readFile(join(import.meta.dirname, '../..', name), 'utf8'));
    assert.ok(lines.filter(({ skipped }) => skipped === undefined).length >= 5);
  });
}

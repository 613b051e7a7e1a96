import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Message } from '@shoal/protocol/request';
import { readContext, writeContext } from './context.ts';

const MESSAGES: readonly Message[] = [
  { role: 'system', content: '' },
  { role: 'user', content: 'Grüße 😀\0\ud800' },
  { role: 'assistant', content: 'x'.repeat(1000) },
];

test('a conversation is read as it was written, in numbers of 31 bits', () => {
  const written = writeContext(MESSAGES);
  assert.deepEqual(readContext(written), MESSAGES);
  assert.ok(written?.every((number) => Number.isInteger(number) && number >= 0 && number < 2 ** 31));
});

test('no context and an empty one have no messages', () => {
  assert.deepEqual([readContext(undefined), readContext([])], [[], []]);
});

test('a conversation that is too long has no context', () => {
  assert.equal(writeContext([{ role: 'user', content: 'x'.repeat(500_000) }]), undefined);
});

test('a context that is cut, changed or foreign is refused', () => {
  const written = writeContext(MESSAGES) ?? [];
  const [mark = 0] = written;
  // Between the ends of the first messages: the mark, 2 numbers without text, and 2 with 9 characters.
  const cut = Array.from({ length: 20 }, (_, length) => length).filter((length) => ![0, 1, 3, 14].includes(length));
  for (const length of cut) refused(written.slice(0, length));
  refused([...written, 1]);
  refused([mark, 3, 0]);
  refused([mark, 0, 1, 0x11_0000]);
  refused([1, ...written.slice(1)]);
  refused(['x']);
  refused([0.5]);
  refused([-1]);
  refused({});
});

function refused(value: unknown): void {
  assert.throws(() => readContext(value), { code: 'INVALID_REQUEST', message: /"context"/ });
}

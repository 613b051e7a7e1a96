import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Base64Stream, decodeBase64 } from './base64.ts';
import { JsonStringStream } from './json-string-stream.ts';

test('base64 that is cut anywhere is decoded like the whole text', () => {
  const text = fc.oneof(
    fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes).toString('base64')),
    fc.string({ maxLength: 12, unit: fc.constantFrom('A', 'b', '/', '=', '-') }),
  );
  fc.assert(
    fc.property(text, fc.array(fc.nat(130)), fc.integer({ min: 3, max: 50 }), (base64, cuts, blockBytes) => {
      const stream = new Base64Stream(base64.length, blockBytes);
      for (const piece of cut(base64, cuts)) stream.push(piece);
      stream.end();
      const blocks = stream.take();
      const decoded = stream.isBad ? undefined : Buffer.concat(blocks);
      assert.deepEqual(
        decoded?.toString('hex'),
        decoded && Buffer.from(decodeBase64(Buffer.from(base64)) ?? []).toString('hex'),
      );
      assert.equal(stream.isBad, decodeBase64(Buffer.from(base64)) === undefined);
      assert.ok(blocks.every(({ length }) => length <= blockBytes));
    }),
  );
});

test('a string of JSON that is cut anywhere is read to its closing quote', () => {
  const unit = fc.constantFrom('a', '/', '\\/', '\\u0041', '\\u002f', '\\u002F');
  fc.assert(
    fc.property(fc.array(unit), fc.array(fc.nat(60)), (units, cuts) => {
      const text = `${units.join('')}",rest`;
      const stream = new JsonStringStream();
      let read = '';
      let used = 0;
      for (const bytes of cut(text, cuts)) {
        if (stream.isOver) break;
        const piece = stream.push(bytes);
        read += Buffer.from(piece.text).toString();
        used += piece.used;
      }
      assert.deepEqual([read, text.slice(used)], [JSON.parse(`"${units.join('')}"`), ',rest']);
    }),
  );
});

function cut(text: string, at: readonly number[]): Buffer[] {
  const edges = [0, ...at.filter((place) => place < text.length).toSorted((a, b) => a - b), text.length];
  return edges.map((start, index) => Buffer.from(text.slice(start, edges[index + 1])));
}

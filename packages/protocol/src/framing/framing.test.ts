import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Framer, lengthPrefixFramer, ndjsonFramer } from './index.ts';

const LIMIT = 4096;

const framers: readonly [string, () => Framer][] = [
  ['ndjson', () => ndjsonFramer(LIMIT)],
  ['u32 little-endian', () => lengthPrefixFramer({ endianness: 'little', limit: LIMIT, emptyFrame: 'fault' })],
  ['u32 big-endian', () => lengthPrefixFramer({ endianness: 'big', limit: LIMIT, emptyFrame: 'fault' })],
];

const bodies = fc.array(
  fc.dictionary(fc.string(), fc.string()).map((object) => Buffer.from(JSON.stringify(object))),
  { maxLength: 8 },
);
const cuts = fc.array(fc.nat({ max: 4 * LIMIT }), { maxLength: 20 });

for (const [name, make] of framers) {
  test(`${name}: any messages come out unchanged, wherever the stream is cut`, () => {
    fc.assert(
      fc.property(bodies, cuts, (sent, at) => {
        const stream = Buffer.concat(sent.map((body) => make().encode(body)));
        assert.deepEqual(receive(make(), stream, at), { received: sent.map(String), fault: undefined });
      }),
    );
  });

  test(`${name}: any bytes give frames, a fault or an incomplete frame, wherever the stream is cut`, () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), cuts, (bytes, at) => {
        assert.deepEqual(receive(make(), bytes, at), receive(make(), bytes, []));
      }),
    );
  });
}

function receive(framer: Framer, stream: Uint8Array, cutAt: readonly number[]): { received: string[]; fault: unknown } {
  const received: string[] = [];
  let fault: unknown;
  const edges = [0, ...cutAt.filter((at) => at < stream.length).toSorted((a, b) => a - b), stream.length];
  for (const [index, start] of edges.slice(0, -1).entries()) {
    fault = framer.push(stream.subarray(start, edges[index + 1]), (body) =>
      received.push(Buffer.from(body).toString()),
    )?.message;
  }
  return { received, fault };
}

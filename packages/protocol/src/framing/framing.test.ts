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

test('a body above the limit of storing is passed on in pieces, wherever the stream is cut', () => {
  const options = { endianness: 'big', limit: LIMIT, storeLimit: 100, emptyFrame: 'fault' } as const;
  const long = `{"pad":"${'x'.repeat(1_000)}"}`;
  const sent = ['{"a":1}', long, long, '{}', `{"pad":"${'y'.repeat(100 - '{"pad":""}'.length)}"}`, long];
  const stream = Buffer.concat(sent.map((body) => lengthPrefixFramer(options).encode(Buffer.from(body))));
  fc.assert(
    fc.property(cuts, (at) => {
      const framer = lengthPrefixFramer(options);
      const received: string[] = [];
      let body = '';
      const fault = pieces(stream, at).map((piece) =>
        framer.push(
          piece,
          (whole) => received.push(Buffer.from(whole).toString()),
          ({ bytes, offset, length }) => {
            assert.deepEqual([offset, length], [body.length, long.length]);
            body += Buffer.from(bytes).toString();
            if (body.length < length) return;
            received.push(body);
            body = '';
          },
        ),
      );
      assert.deepEqual([received, fault.at(-1), framer.hasPartialFrame], [sent, undefined, false]);
    }),
  );
});

test('a body above the limit of storing must begin as an object too', () => {
  const framer = lengthPrefixFramer({ endianness: 'big', limit: LIMIT, storeLimit: 2, emptyFrame: 'fault' });
  const unexpected = (): void => assert.fail();
  assert.equal(framer.push(Buffer.from('\0\0\0\u0009x'), unexpected, unexpected)?.code, 'BAD_MESSAGE');
});

function receive(framer: Framer, stream: Uint8Array, cutAt: readonly number[]): { received: string[]; fault: unknown } {
  const received: string[] = [];
  let fault: unknown;
  for (const piece of pieces(stream, cutAt)) {
    fault = framer.push(piece, (body) => received.push(Buffer.from(body).toString()))?.message;
  }
  return { received, fault };
}

function pieces(stream: Uint8Array, cutAt: readonly number[]): Uint8Array[] {
  const edges = [0, ...cutAt.filter((at) => at < stream.length).toSorted((a, b) => a - b), stream.length];
  return edges.slice(0, -1).map((start, index) => stream.subarray(start, edges[index + 1]));
}

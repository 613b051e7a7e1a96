import assert from 'node:assert/strict';
import b4a from 'b4a';
import { mutated, type Random } from '../../src/contracts/index.ts';
import { type Framer, lengthPrefixFramer, messageFramer, ndjsonFramer } from '../../src/index.ts';
import { anyValue } from './values.ts';

const LIMIT = 256;
const MOST_FRAMES = 4;
const MOST_PIECES = 6;

export const FRAMERS: Readonly<Record<string, () => Framer>> = {
  ndjson: () => ndjsonFramer(LIMIT),
  'u32 little-endian': () => lengthPrefixFramer({ endianness: 'little', limit: LIMIT, emptyFrame: 'fault' }),
  'u32 big-endian': () => lengthPrefixFramer({ endianness: 'big', limit: LIMIT, emptyFrame: 'fault' }),
  'whole messages': () => messageFramer(LIMIT),
};

/** Sends some frames with faults in pieces. The pieces make no difference, no body is too large, and a fault is final. */
export function fuzzFramer(make: () => Framer, random: Random): void {
  const stream = someStream(make(), random);
  // A framer of whole messages takes each piece for a message.
  const isWhole = make().encode(b4a.from('{}')).length === 2;
  const cut = receive(make(), isWhole ? [stream] : pieces(stream, random));
  assert.deepEqual(receive(make(), [stream]), cut);
}

function someStream(framer: Framer, random: Random): Uint8Array {
  const frames = Array.from({ length: random(MOST_FRAMES) }, () =>
    framer.encode(b4a.from(JSON.stringify({ a: anyValue(random) }))),
  );
  const stream = b4a.concat(frames);
  return random(2) === 0 ? stream : mutated(stream, random);
}

function pieces(stream: Uint8Array, random: Random): readonly Uint8Array[] {
  const cuts = Array.from({ length: random(MOST_PIECES) }, () => random(stream.length + 1)).toSorted((a, b) => a - b);
  return [0, ...cuts].map((from, index) => stream.subarray(from, cuts[index] ?? stream.length));
}

function receive(framer: Framer, stream: readonly Uint8Array[]) {
  const bodies: string[] = [];
  let fault: string | undefined;
  for (const piece of stream) {
    const count = bodies.length;
    const found = framer.push(piece, (body) => {
      assert.ok(body.length <= LIMIT, `a body of ${body.length} bytes`);
      bodies.push(b4a.toString(body));
    });
    if (fault !== undefined) assert.deepEqual([found?.message, bodies.length], [fault, count], 'a fault is final');
    assert.ok(found === undefined || found.code === 'BAD_MESSAGE');
    fault = found?.message;
  }
  return { bodies, fault };
}

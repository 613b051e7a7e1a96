import b4a from 'b4a';
import type { Framer } from '../framing/framer.ts';
import type { Harness } from './harness.ts';

export interface FramerSubject {
  readonly name: string;
  readonly make: (limit: number) => Framer;
  /** The start of a frame of `length` bytes, as far as it tells its length or could be stored. */
  readonly announce: (length: number) => Uint8Array;
  /** Whether the stream may be cut anywhere; false where the transport keeps messages whole. */
  readonly cuttable: boolean;
}

const LIMIT = 64;
const BODIES = ['{}', '{"text":"grüße 🐟"}', ' \t{"a":[1,2,3]}', `{"pad":"${'x'.repeat(40)}"}`];

/** What every framer owes, whatever its format. */
export function framerContract({ test, equal }: Harness, { name, make, announce, cuttable }: FramerSubject): void {
  const framed = BODIES.map((body) => make(LIMIT).encode(b4a.from(body)));

  test(`${name}: what was encoded comes out again`, () => {
    for (const [index, frame] of framed.entries()) equal(collect(make(LIMIT), [frame]).bodies, [BODIES[index]]);
  });

  test(`${name}: a body that cannot be an object is refused at its first byte, and for good`, () => {
    const framer = make(LIMIT);
    const wrong = make(LIMIT).encode(b4a.from('x{}'));
    const firstByte = cuttable ? wrong.subarray(0, wrong.indexOf(0x78) + 1) : wrong;
    equal(collect(framer, [firstByte]).fault, 'BAD_MESSAGE');
    equal(collect(framer, framed).fault, 'BAD_MESSAGE');
    equal(collect(framer, framed).bodies, []);
  });

  test(`${name}: a body over the limit is refused before it is stored`, () => {
    equal(collect(make(LIMIT), [announce(LIMIT + 1)]).fault, 'BAD_MESSAGE');
    equal(collect(make(LIMIT), [make(LIMIT).encode(b4a.from(`{"p":"${'x'.repeat(LIMIT - 8)}"}`))]).fault, undefined);
  });

  if (!cuttable) return;
  const stream = b4a.concat(framed);

  test(`${name}: a stream cut in two at any place gives the same frames`, () => {
    for (let cut = 0; cut <= stream.length; cut += 1) {
      const { bodies, fault } = collect(make(LIMIT), [stream.subarray(0, cut), stream.subarray(cut)]);
      equal([bodies, fault], [BODIES, undefined]);
    }
  });

  test(`${name}: a stream that drips byte by byte gives the same frames`, () => {
    const drops = [...stream].map((byte) => Uint8Array.of(byte));
    equal(collect(make(LIMIT), drops).bodies, BODIES);
  });

  test(`${name}: a frame that has begun is known to have`, () => {
    const framer = make(LIMIT);
    equal(framer.hasPartialFrame, false);
    collect(framer, [stream.subarray(0, 9)]);
    equal(framer.hasPartialFrame, true);
    collect(framer, [stream.subarray(9)]);
    equal(framer.hasPartialFrame, false);
  });

  test(`${name}: frames before a fault come out`, () => {
    const { bodies, fault } = collect(make(LIMIT), [b4a.concat([stream, announce(LIMIT + 1)])]);
    equal([bodies, fault], [BODIES, 'BAD_MESSAGE']);
  });

  test(`${name}: whoever takes a frame may change the limit for the next`, () => {
    const framer = make(2);
    const bodies: string[] = [];
    framer.push(stream, (body) => {
      bodies.push(b4a.toString(body));
      framer.limit = LIMIT;
    });
    equal(bodies, BODIES);
  });
}

function collect(framer: Framer, pieces: readonly Uint8Array[]): { bodies: string[]; fault: string | undefined } {
  const bodies: string[] = [];
  let fault: string | undefined;
  for (const piece of pieces) fault = framer.push(piece, (body) => bodies.push(b4a.toString(body)))?.code;
  return { bodies, fault };
}

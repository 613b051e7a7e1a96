import b4a from 'b4a';
import type { Framer } from '../framing/framer.ts';
import type { Harness } from './harness.ts';

export interface FramerSubject {
  readonly name: string;
  readonly make: (limit: number) => Framer;
  /** Returns the beginning of a frame of `length` bytes: its header, or its first bytes. */
  readonly announce: (length: number) => Uint8Array;
  /** True if the stream may be cut anywhere. False if the transport preserves message boundaries. */
  readonly cuttable: boolean;
}

const LIMIT = 64;
const BODIES = ['{}', '{"text":"grüße 🐟"}', ' \t{"a":[1,2,3]}', `{"pad":"${'x'.repeat(40)}"}`];

/** The cases that every framer must pass. */
export function framerContract({ test, equal }: Harness, { name, make, announce, cuttable }: FramerSubject): void {
  const framed = BODIES.map((body) => make(LIMIT).encode(b4a.from(body)));

  test(`${name}: an encoded body is decoded unchanged`, () => {
    for (const [index, frame] of framed.entries()) equal(collect(make(LIMIT), [frame]).bodies, [BODIES[index]]);
  });

  test(`${name}: a body that cannot be an object is a fault at its first byte, and the fault is final`, () => {
    const framer = make(LIMIT);
    const wrong = make(LIMIT).encode(b4a.from('x{}'));
    const firstByte = cuttable ? wrong.subarray(0, wrong.indexOf(0x78) + 1) : wrong;
    equal(collect(framer, [firstByte]).fault, 'BAD_MESSAGE');
    equal(collect(framer, framed).fault, 'BAD_MESSAGE');
    equal(collect(framer, framed).bodies, []);
  });

  test(`${name}: a body over the limit is a fault before it is stored`, () => {
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

  test(`${name}: a stream of single bytes gives the same frames`, () => {
    const bytes = [...stream].map((byte) => Uint8Array.of(byte));
    equal(collect(make(LIMIT), bytes).bodies, BODIES);
  });

  test(`${name}: an incomplete frame is reported`, () => {
    const framer = make(LIMIT);
    equal(framer.hasPartialFrame, false);
    collect(framer, [stream.subarray(0, 9)]);
    equal([framer.hasPartialFrame, framer.partialBytes > 0, framer.frameBytesMax <= LIMIT], [true, true, true]);
    collect(framer, [stream.subarray(9)]);
    equal([framer.hasPartialFrame, framer.partialBytes], [false, 0]);
  });

  test(`${name}: frames before a fault are passed on`, () => {
    const { bodies, fault } = collect(make(LIMIT), [b4a.concat([stream, announce(LIMIT + 1)])]);
    equal([bodies, fault], [BODIES, 'BAD_MESSAGE']);
  });

  test(`${name}: a frame handler may change the limit for the next frame`, () => {
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

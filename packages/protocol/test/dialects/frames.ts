import b4a from 'b4a';
import type { HostileSubject } from '../../src/contracts/index.ts';
import { type LengthPrefixOptions, lengthPrefixFramer, ndjsonFramer } from '../../src/index.ts';
import { MAX_REQUEST_BYTES } from '../../src/shoal/index.ts';

type Frames = Pick<HostileSubject, 'frame' | 'body' | 'cuttable'>;

const LENGTH_BYTES = 4;

/** Frames of one JSON line each. */
export function lines(): Frames {
  const framer = ndjsonFramer(MAX_REQUEST_BYTES);
  return {
    frame: (body) => framer.encode(body),
    body: (line) => line.subarray(0, b4a.indexOf(line, 0x0a)),
    cuttable: true,
  };
}

/** Frames that begin with their length. */
export function lengthPrefixed(endianness: LengthPrefixOptions['endianness']): Frames {
  const framer = lengthPrefixFramer({ endianness, limit: MAX_REQUEST_BYTES, emptyFrame: 'frame' });
  return {
    frame: (body) => framer.encode(body),
    body: (frame) => frame.subarray(LENGTH_BYTES),
    cuttable: true,
  };
}

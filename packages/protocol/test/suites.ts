import b4a from 'b4a';
import { dialectContract, framerContract, type Harness, hostileInput } from '../src/contracts/index.ts';
import { lengthPrefixFramer, messageFramer, ndjsonFramer } from '../src/index.ts';
import { DIALECTS } from './dialects/index.ts';

/** Runs every contract suite over every framer and dialect of this package. */
export function runSuites(harness: Harness): void {
  framerContract(harness, {
    name: 'ndjson',
    make: ndjsonFramer,
    announce: (length) => b4a.from(`{${' '.repeat(length)}`),
    cuttable: true,
  });
  for (const endianness of ['little', 'big'] as const) {
    framerContract(harness, {
      name: `u32 ${endianness}-endian`,
      make: (limit) => lengthPrefixFramer({ endianness, limit, emptyFrame: 'fault' }),
      announce: (length) => {
        const header = new Uint8Array(4);
        new DataView(header.buffer).setUint32(0, length, endianness === 'little');
        return header;
      },
      cuttable: true,
    });
  }
  framerContract(harness, {
    name: 'whole messages',
    make: messageFramer,
    announce: (length) => b4a.from(`{${' '.repeat(length)}`),
    cuttable: false,
  });
  const dialects = Object.values(DIALECTS);
  for (const { contract } of dialects) dialectContract(harness, contract);
  hostileInput(
    harness,
    dialects.flatMap(({ hostile }) => hostile),
  );
}

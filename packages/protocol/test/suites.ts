import b4a from 'b4a';
import { dialectContract, framerContract, type Harness } from '../src/contracts/index.ts';
import { lengthPrefixFramer, messageFramer, ndjsonFramer } from '../src/index.ts';
import { OpenGatewayClient, OpenGatewayServer } from '../src/opengateway/index.ts';
import { ShoalClient, ShoalServer } from '../src/shoal/index.ts';

/** Every contract suite over everything of this room that it is a contract for. */
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
  dialectContract(harness, {
    name: 'opengateway',
    client: (encode) => new OpenGatewayClient(encode, 'me'),
    server: (encode, nextId) => new OpenGatewayServer(encode, nextId),
    streams: false,
    carriesAbort: false,
  });
  dialectContract(harness, {
    name: 'shoal',
    client: (encode) => new ShoalClient(encode, 'me'),
    server: (encode, nextId) => new ShoalServer(encode, nextId),
    streams: true,
    carriesAbort: true,
  });
}

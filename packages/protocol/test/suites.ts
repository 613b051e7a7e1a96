import b4a from 'b4a';
import { dialectContract, framerContract, type Harness } from '../src/contracts/index.ts';
import { DonateClient, DonateServer } from '../src/donate/index.ts';
import { lengthPrefixFramer, messageFramer, ndjsonFramer } from '../src/index.ts';
import { LocalLlmClient, LocalLlmServer } from '../src/localllm/index.ts';
import { OpenGatewayClient, OpenGatewayServer } from '../src/opengateway/index.ts';
import { QmeshClient, QmeshServer } from '../src/qmesh/index.ts';
import { ShoalClient, ShoalServer } from '../src/shoal/index.ts';

const QMESH_HEALTH = {
  score: 87,
  state: 'healthy',
  cpu: 12,
  memory: 20,
  queueSize: 0,
  queueCapacity: 10,
  canAcceptRequests: true,
} as const;

const LOCALLLM_INFO = { hostName: 'Dan’s MacBook', model: 'llama3.2', status: 'ready' } as const;

const DONATE_QUEUE = { depth: 0, capacity: 64, in_progress: false };

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
    name: 'donate',
    client: (encode) => new DonateClient(encode),
    server: (encode, nextId) => new DonateServer(encode, nextId, { mode: 'local_lm', queue: () => DONATE_QUEUE }),
    streams: false,
    carriesAbort: false,
    carriesAll: false,
  });
  dialectContract(harness, {
    name: 'localllm',
    client: (encode) => new LocalLlmClient(encode),
    server: (encode, nextId) => new LocalLlmServer(encode, nextId, { greet: () => LOCALLLM_INFO }),
    streams: true,
    carriesAbort: true,
    carriesAll: false,
    lostCode: 'HOST_DISCONNECTED',
  });
  dialectContract(harness, {
    name: 'opengateway',
    client: (encode) => new OpenGatewayClient(encode, 'me'),
    server: (encode, nextId) => new OpenGatewayServer(encode, nextId),
    streams: false,
    carriesAbort: false,
    carriesAll: false,
  });
  dialectContract(harness, {
    name: 'qmesh',
    client: (encode) => new QmeshClient(encode, { idPrefix: 'c0c0c0c0', timestamp: () => 0 }),
    server: (encode, nextId) =>
      new QmeshServer(encode, nextId, { workerId: 'a0'.repeat(32), health: () => QMESH_HEALTH, timestamp: () => 0 }),
    streams: false,
    carriesAbort: false,
    carriesAll: false,
  });
  dialectContract(harness, {
    name: 'shoal',
    client: (encode) => new ShoalClient(encode, 'me'),
    server: (encode, nextId) => new ShoalServer(encode, nextId),
    streams: true,
    carriesAbort: true,
    carriesAll: true,
  });
}

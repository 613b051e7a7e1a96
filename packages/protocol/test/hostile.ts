import b4a from 'b4a';
import { type Harness, hostileInput, type HostileSubject } from '../src/contracts/index.ts';
import { donateFramer, donateServerSession } from '../src/donate/index.ts';
import { lengthPrefixFramer, messageFramer, ndjsonFramer } from '../src/index.ts';
import { localLlmServerSession } from '../src/localllm/index.ts';
import { qmeshServerSession } from '../src/qmesh/index.ts';
import { MAX_REQUEST_BYTES, PeerSession, PROTOCOL } from '../src/shoal/index.ts';

const HEALTH = {
  score: 87,
  state: 'healthy',
  cpu: 12,
  memory: 20,
  queueSize: 0,
  queueCapacity: 10,
  canAcceptRequests: true,
} as const;
const HELLO = { type: 'peer_hello', protocol: PROTOCOL, peer_id: '0c'.repeat(32), node_name: 'Peer', clusters: [] };
const LENGTH_BYTES = 4;
/** A request for everything that may be asked for at once, and one for vectors. */
const SHOAL_REQUESTS = [
  {
    type: 'inference_request',
    request_id: 'tools',
    messages: [
      { role: 'user', content: 'Is it raining?' },
      { role: 'assistant', tool_calls: [{ id: 'a', name: 'weather', arguments: '{}' }] },
      { role: 'tool', content: 'yes', tool_call_id: 'a' },
    ],
    tools: [{ name: 'weather', description: 'Tells it.', parameters: { type: 'object', properties: { at: {} } } }],
    tool_choice: { name: 'weather' },
    parallel_tool_calls: false,
    response_format: { type: 'json_schema', schema: { enum: [null, 1] } },
    logprobs: 3,
    repeat_penalty: 1.1,
    presence_penalty: -1,
    frequency_penalty: 1,
    logit_bias: [[1, -100]],
  },
  { type: 'inference_request', request_id: 'vectors', embed: ['a', '🐟'] },
];

/** Every door's end of a connection, fed with what no door should be upset by. */
export function runHostileInput(harness: Harness): void {
  hostileInput(harness, [donate(), qmesh(), localLlm(), cluster(), tcp(), webSocket()]);
}

function donate(): HostileSubject {
  const queue = () => ({ depth: 0, capacity: 64, in_progress: false });
  const framer = donateFramer();
  return {
    name: 'donate',
    session: () => donateServerSession({ mode: 'local_lm', queue }),
    frame: (body) => framer.encode(body),
    body: withoutLength,
    cuttable: true,
    request: (id, prompt) => ({ v: 1, type: 'prompt', job_id: id, prompt }),
    isError: ({ type }) => type === 'error',
  };
}

function qmesh(): HostileSubject {
  const framer = lengthPrefixFramer({ endianness: 'big', limit: MAX_REQUEST_BYTES, emptyFrame: 'frame' });
  return {
    name: 'qmesh',
    session: () => qmeshServerSession({ workerId: 'a0'.repeat(32), health: () => HEALTH, timestamp: () => 0 }),
    frame: (body) => framer.encode(body),
    body: withoutLength,
    cuttable: true,
    request: (id, prompt) => ({ type: 'prompt', requestId: id, prompt }),
    isError: ({ type }) => type === 'inference_error',
  };
}

function localLlm(): HostileSubject {
  return {
    name: 'localllm',
    session: () => localLlmServerSession({ greet: () => ({ hostName: 'Host', model: 'tiny', status: 'ready' }) }),
    ...lines(),
    request: (id, prompt) => ({ type: 'chat_start', request_id: id, payload: { prompt } }),
    isError: ({ type }) => type === 'error',
  };
}

/** Where clusters meet, a peer may speak OpenGateway, which has no word for an error. */
function cluster(): HostileSubject {
  return {
    name: 'opengateway',
    session: () => peerSession(ndjsonFramer(MAX_REQUEST_BYTES), false),
    ...lines(),
    request: (id, prompt) => ({ type: 'inference_request', request_id: id, prompt }),
  };
}

function tcp(): HostileSubject {
  return {
    ...shoal(),
    name: 'shoal over TCP',
    session: () => peerSession(ndjsonFramer(MAX_REQUEST_BYTES), true),
    ...lines(),
  };
}

function webSocket(): HostileSubject {
  return {
    ...shoal(),
    name: 'shoal over WebSocket',
    session: () => peerSession(messageFramer(MAX_REQUEST_BYTES), true),
    frame: (body) => body,
    body: (frame) => frame,
    cuttable: false,
  };
}

function shoal() {
  return {
    greeting: HELLO,
    more: SHOAL_REQUESTS,
    request: (id: string, prompt: string) => ({ type: 'inference_request', request_id: id, prompt }),
    isError: ({ type }: { readonly [key: string]: unknown }) => type === 'inference_error',
  };
}

function peerSession(framer: ReturnType<typeof ndjsonFramer>, helloOwed: boolean): PeerSession {
  return new PeerSession({
    framer,
    hello: () => ({
      ...HELLO,
      type: 'peer_hello',
      protocol: PROTOCOL,
      peer_id: 'a0'.repeat(32),
      supported_models: [],
      version: '0',
      uptime_s: 0,
      roles: ['worker'],
      models: [],
    }),
    status: () => ({ health: 100, active: 0, queued: 0, slots: 1 }),
    idPrefix: 'a0',
    helloOwed,
  });
}

function lines() {
  const framer = ndjsonFramer(MAX_REQUEST_BYTES);
  const frame = (body: Uint8Array) => framer.encode(body);
  return { frame, body: (line: Uint8Array) => line.subarray(0, b4a.indexOf(line, 0x0a)), cuttable: true };
}

function withoutLength(frame: Uint8Array): Uint8Array {
  return frame.subarray(LENGTH_BYTES);
}

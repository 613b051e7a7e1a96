import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  ABILITIES,
  type Ability,
  type InferenceEvent,
  type InferenceRequest,
  ndjsonFramer,
  type Output,
  type PeerInfo,
  promptInput,
  type Sampling,
  ShoalError,
} from '../src/index.ts';
import { DonateClient, DonateServer, type Mode } from '../src/donate/index.ts';
import { encodeObject, isObject, type JsonObject, parseObject } from '../src/json.ts';
import { localLlmClientSession, localLlmServerSession } from '../src/localllm/index.ts';
import { OpenGatewayClient } from '../src/opengateway/index.ts';
import { type HealthReport, QmeshClient, QmeshServer } from '../src/qmesh/index.ts';
import {
  HEARTBEAT_MS,
  type HelloMessage,
  INITIAL_CREDIT_BYTES,
  MAX_REQUEST_BYTES,
  PeerSession,
  PROTOCOL,
} from '../src/shoal/index.ts';

/*
 * The conversations in vectors/ are held by two real sessions, and are the examples of docs/protocols/. After a wanted
 * change: node --test --test-update-snapshots packages/protocol/test/vectors.test.ts
 */

type Side = 'client' | 'worker';

interface Line {
  readonly from: Side;
  readonly message: JsonObject;
}

interface Speaker {
  start(): Output<unknown>[];
  hear(line: Uint8Array): Output<unknown>[];
}

interface Conversation extends Record<Side, Speaker> {
  /** What each side says unasked, in order; the rest are replies. */
  readonly turns: readonly { readonly by: Side; readonly act: () => Output<unknown>[] }[];
}

const CONVERSATIONS = {
  donate: donateConversation,
  'donate-local': donateLocalConversation,
  shoal: shoalConversation,
  localllm: localLlmConversation,
  opengateway: openGatewayConversation,
  qmesh: qmeshConversation,
};

for (const [dialect, begin] of Object.entries(CONVERSATIONS)) {
  const file = join(import.meta.dirname, 'vectors', `${dialect}.ndjson`);

  test(`${dialect}: two sessions have the recorded conversation`, (context) => {
    context.assert.fileSnapshot(hold(begin()), file, { serializers: [toLines] });
  });

  for (const side of ['client', 'worker'] as const) {
    test(`${dialect}: the ${side} takes what was recorded of the other side, and says what was recorded of it`, async () => {
      replay(begin(), side, fromLines(await readFile(file, 'utf8')));
    });
  }
}

/** Both sides greet, then take their turns; whatever is said is heard, and replied to, before the next turn. */
function hold(conversation: Conversation): Line[] {
  const spoken: Line[] = [];
  const unheard: Line[] = [];
  const say = (from: Side, outputs: Output<unknown>[]): void => {
    unheard.push(...sent(outputs).map((message) => ({ from, message })));
  };
  const settle = (): void => {
    for (let line = unheard.shift(); line !== undefined; line = unheard.shift()) {
      spoken.push(line);
      const hearer = line.from === 'client' ? 'worker' : 'client';
      say(hearer, conversation[hearer].hear(encoded(line.message)));
    }
  };
  say('client', conversation.client.start());
  say('worker', conversation.worker.start());
  settle();
  for (const { by, act } of conversation.turns) {
    say(by, act());
    settle();
  }
  return spoken;
}

/** One side alone against the recording. It takes its next turn where the recording has it speak unasked. */
function replay(conversation: Conversation, side: Side, recorded: readonly Line[]): void {
  const turns = conversation.turns.filter(({ by }) => by === side).values();
  const said = sent(conversation[side].start());
  for (const { from, message } of recorded) {
    if (from === side) {
      if (said.length === 0) said.push(...sent(turns.next().value?.act() ?? []));
      assert.deepEqual(said.shift(), message);
    } else {
      said.push(...sent(conversation[side].hear(encoded(message))));
    }
  }
  assert.deepEqual(said, []);
}

function shoalConversation(): Conversation {
  const client = peerSession('NodeC', 'c0', []);
  const worker = peerSession('NodeA', 'a0', ['tiny'], ABILITIES);
  const ask =
    (id: number, prompt: string, more: Partial<InferenceRequest> = {}) =>
    () =>
      client.ask(
        id,
        { input: promptInput(prompt), sampling: { temperature: 0 }, stop: [], deadlineMs: 60_000, ...more },
        0,
      );
  const say = (id: number, event: InferenceEvent) => () => worker.respond(id, event, 0);
  const text = (id: number, words: string, tokens: number[]) => say(id, { type: 'text', text: words, tokens });
  const weather = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
  const likely = { token: 19, text: '4', logprob: -0.25 };
  const usage = { promptTokens: 12, completionTokens: 6 };
  const full = new ShoalError('QUEUE_FULL', 'All 1 slots are taken and 16 requests wait.', { retryAfterMs: 1_000 });
  return {
    client: speaker(client),
    worker: speaker(worker),
    turns: [
      { by: 'client', act: ask(1, 'What is 2+2?') },
      { by: 'worker', act: () => worker.respond(1, { type: 'queued', position: 1 }, 0) },
      { by: 'client', act: () => client.tick(HEARTBEAT_MS) },
      { by: 'worker', act: text(1, '2 + 2 = ', [17, 10, 17, 28]) },
      { by: 'worker', act: text(1, '4 🐟', [19, 280]) },
      // As the reader of a long answer does by and by; it may be granted at any time.
      { by: 'client', act: () => client.consumed(1, INITIAL_CREDIT_BYTES / 4) },
      {
        by: 'worker',
        act: () => worker.respond(1, { type: 'finish', reason: 'stop', rawReason: 'eogToken', usage }, 0),
      },
      { by: 'client', act: ask(2, 'Count to a million.') },
      { by: 'worker', act: text(2, '1 2 3', [16, 17, 18]) },
      { by: 'client', act: () => client.abort(2) },
      { by: 'client', act: ask(3, 'And now?') },
      { by: 'worker', act: () => worker.respond(3, { type: 'error', error: full }, 0) },
      {
        by: 'client',
        act: ask(4, 'Is it raining in Kiel?', {
          tools: [{ name: 'weather', description: 'Tells the weather.', parameters: weather }],
          toolChoice: 'required',
        }),
      },
      {
        by: 'worker',
        act: say(4, {
          type: 'tool_call',
          index: 0,
          id: 'call_1',
          name: 'weather',
          arguments: '{"city":',
          tokens: [21, 22],
        }),
      },
      { by: 'worker', act: say(4, { type: 'tool_call', index: 0, arguments: ' "Kiel"}', tokens: [23] }) },
      {
        by: 'worker',
        act: say(4, {
          type: 'finish',
          reason: 'tool_calls',
          rawReason: 'eogToken',
          usage: { promptTokens: 60, cachedTokens: 12, completionTokens: 4 },
        }),
      },
      {
        by: 'client',
        act: ask(5, 'What is 2+2?', {
          logprobs: 2,
          format: { type: 'json' },
          sampling: { repeatPenalty: 1.1, logitBias: [[7, -100]] },
        }),
      },
      {
        by: 'worker',
        act: say(5, {
          type: 'text',
          text: '4',
          tokens: [19],
          logprobs: [{ ...likely, top: [likely, { token: 20, text: '5', logprob: -1.5 }] }],
        }),
      },
      { by: 'worker', act: say(5, { type: 'finish', reason: 'length', rawReason: 'maxTokens', usage }) },
      { by: 'client', act: ask(6, '', { input: { type: 'embeddings', texts: ['four', 'fish'] }, sampling: {} }) },
      { by: 'worker', act: say(6, { type: 'embedding', index: 0, vector: [0.5, -0.5, 0.5, -0.5] }) },
      { by: 'worker', act: say(6, { type: 'embedding', index: 1, vector: [1, 0, 0, 0] }) },
      {
        by: 'worker',
        act: say(6, {
          type: 'finish',
          reason: 'stop',
          rawReason: 'embedded',
          usage: { promptTokens: 4, completionTokens: 0 },
        }),
      },
    ],
  };
}

/** The worker is a node of ours, the client one of the other program: it says nothing of shoal/1. */
/** A model of 12 bytes is pushed in two chunks and asked; then one is pushed that is no GGUF, and one too short. */
function donateConversation(): Conversation {
  const { client, worker, speakers } = donateEnds('model_push');
  const begin = (id: number, format: string) => () =>
    client.push(id, { configuration: JSON.stringify({ format, name: 'tiny' }), length: 12 });
  const chunk = (words: string, last: boolean) => () => client.chunk(Buffer.from(words), last);
  const commit = () => client.commit();
  const infer = (id: number, tokens: number[]) => () =>
    client.ask(id, { input: { type: 'tokens', tokens }, sampling: { maxTokens: 2 }, stop: [] });
  return {
    ...speakers,
    turns: [
      { by: 'client', act: infer(1, [1]) },
      { by: 'client', act: begin(2, 'gguf') },
      { by: 'client', act: chunk('GGUF, in', false) },
      { by: 'client', act: chunk(' two', true) },
      { by: 'client', act: commit },
      { by: 'worker', act: () => worker.endUpload(1) },
      { by: 'client', act: infer(3, [1, 2, 3]) },
      {
        by: 'worker',
        act: () => {
          worker.started(2, 0);
          return [
            ...worker.respond(2, { type: 'text', text: 'four', tokens: [4, 5] }),
            ...worker.respond(2, { type: 'finish', reason: 'length', rawReason: 'maxTokens' }),
          ];
        },
      },
      { by: 'client', act: infer(4, [99_999]) },
      {
        by: 'worker',
        act: () => {
          worker.started(3, 0);
          return worker.respond(3, {
            type: 'error',
            error: ShoalError.invalidRequest('Token id 99999 is unknown.'),
          });
        },
      },
      { by: 'client', act: begin(5, 'safetensors') },
      { by: 'client', act: chunk('12 bytes, no', true) },
      { by: 'client', act: commit },
      { by: 'client', act: begin(6, 'gguf') },
      { by: 'client', act: chunk('GGUF', true) },
      { by: 'client', act: commit },
    ],
  };
}

function donateLocalConversation(): Conversation {
  const { client, worker, speakers } = donateEnds('local_lm');
  const ask = (id: number, prompt: string) => () =>
    client.ask(id, { input: promptInput(prompt), sampling: {}, stop: [] });
  return {
    ...speakers,
    turns: [
      { by: 'client', act: ask(1, 'What is 2+2?') },
      {
        by: 'worker',
        act: () => [
          ...worker.respond(1, { type: 'text', text: '2 + 2 = ', tokens: [] }),
          ...worker.respond(1, { type: 'text', text: '4', tokens: [] }),
          ...worker.respond(1, { type: 'finish', reason: 'stop', rawReason: 'eogToken' }),
        ],
      },
      { by: 'client', act: ask(2, 'And now?') },
      {
        by: 'worker',
        act: () => worker.respond(2, { type: 'error', error: new ShoalError('QUEUE_FULL', 'Full.') }),
      },
      { by: 'client', act: () => client.push(3, { configuration: '{"format":"gguf"}', length: 12 }) },
    ],
  };
}

/** Frames are left out here too. */
function donateEnds(mode: Mode) {
  let lastId = 0;
  const encode = (message: object) => ({ bytes: encoded(message), size: encodeObject(message).length });
  const client = new DonateClient(encode);
  const worker = new DonateServer(encode, () => (lastId += 1), {
    mode,
    queue: () => ({ depth: 0, capacity: 64, in_progress: false }),
    ...(mode === 'local_lm' && { model: 'tiny' }),
  });
  const speaks = (side: DonateClient | DonateServer): Speaker => ({
    start: () => side.start(),
    hear: (line) => side.message(parseObject(line), line.length, 0) ?? [],
  });
  return { client, worker, speakers: { client: speaks(client), worker: speaks(worker) } };
}

function openGatewayConversation(): Conversation {
  const worker = peerSession('NodeA', 'a0', ['tiny']);
  const hello = { type: 'peer_hello', node_name: 'NodeB', clusters: ['gatewayai-poc'], supported_models: ['llama'] };
  const send = (message: object): Output => ({ type: 'send', bytes: encoded(message) });
  const client = new OpenGatewayClient(
    (message) => ({ bytes: encoded(message), size: encodeObject(message).length }),
    'b0',
  );
  const ask = (id: number, prompt: string) => () =>
    client.ask(id, { input: promptInput(prompt), sampling: {}, stop: [] }, 0);
  return {
    worker: speaker(worker),
    client: {
      start: () => [send(hello)],
      hear: (line) => {
        const message = parseObject(line);
        return message['type'] === 'peer_hello' ? [] : (client.message(message, line.length) ?? []);
      },
    },
    turns: [
      { by: 'client', act: ask(1, 'What is 2+2?') },
      {
        by: 'worker',
        act: () => [
          ...worker.respond(1, { type: 'text', text: '2 + 2 = ', tokens: [] }, 0),
          ...worker.respond(1, { type: 'text', text: '4', tokens: [] }, 0),
          ...worker.respond(1, { type: 'finish', reason: 'stop', rawReason: 'eogToken', model: 'tiny' }, 0),
        ],
      },
      { by: 'client', act: () => [send({ type: 'inference_request', prompt: 'Hello' })] },
      {
        by: 'worker',
        act: () => worker.respond(2, { type: 'error', error: ShoalError.generationFailed('No luck.') }, 0),
      },
    ],
  };
}

function localLlmConversation(): Conversation {
  const greet = () => ({ hostName: 'Dan’s MacBook', model: 'llama3.2', status: 'ready' }) as const;
  const worker = localLlmServerSession({ greet });
  const client = localLlmClientSession();
  const ask = (id: number, prompt: string) => () =>
    client.ask(id, { input: promptInput(prompt), sampling: {}, stop: [] }, 0);
  const say = (id: number, text: string, now: number) => () =>
    worker.respond(id, { type: 'text', text, tokens: [] }, now);
  const busy = new ShoalError('MODEL_BUSY', 'Host is processing another request');
  const session = (one: typeof worker | typeof client): Speaker => ({
    start: () => one.start(0),
    hear: (line) => one.receive(line, 0),
  });
  return {
    client: session(client),
    worker: session(worker),
    turns: [
      { by: 'client', act: ask(1, 'Explain quantum computing simply') },
      { by: 'worker', act: say(1, 'Quantum computing', 0) },
      // What is said within 10 ms of a chunk waits for the next one.
      { by: 'worker', act: () => [...say(1, ' uses', 1)(), ...say(1, ' qubits 🐟', 11)()] },
      { by: 'worker', act: () => worker.respond(1, { type: 'finish', reason: 'stop', rawReason: 'eogToken' }, 12) },
      { by: 'client', act: ask(2, 'Count to a million.') },
      { by: 'worker', act: say(2, '1 2 3', 20) },
      { by: 'client', act: () => client.abort(2) },
      { by: 'client', act: ask(3, 'Tell me everything.') },
      { by: 'worker', act: say(3, 'In the beginning', 40) },
      { by: 'worker', act: () => worker.respond(3, { type: 'finish', reason: 'length', rawReason: 'maxTokens' }, 60) },
      { by: 'client', act: ask(4, 'And now?') },
      { by: 'worker', act: () => worker.respond(4, { type: 'error', error: busy }, 70) },
    ],
  };
}

/** Frames are left out: what stands in them is the same JSON, a line each. */
function qmeshConversation(): Conversation {
  const timestamp = (): number => 1_767_225_600_000;
  const encodeLine = (message: object) => ({ bytes: encoded(message), size: encodeObject(message).length });
  let health: HealthReport = {
    score: 87,
    state: 'healthy',
    cpu: 12,
    memory: 20,
    queueSize: 0,
    queueCapacity: 10,
    canAcceptRequests: true,
  };
  let lastId = 0;
  const worker = new QmeshServer(encodeLine, () => (lastId += 1), {
    workerId: 'a0'.repeat(32),
    health: () => health,
    timestamp,
  });
  const client = new QmeshClient(encodeLine, { idPrefix: 'c0c0c0c0', timestamp });
  const ask = (id: number, prompt: string, sampling: Sampling) => () =>
    client.ask(id, { input: promptInput(prompt), sampling, stop: [] }, 0);
  const overloaded = new ShoalError('OVERLOADED', 'Too much to do.');
  return {
    client: side(client),
    worker: side(worker),
    turns: [
      { by: 'client', act: ask(1, 'What is 2+2?', { maxTokens: 50, temperature: 0 }) },
      {
        by: 'worker',
        act: () => {
          const usage = { promptTokens: 12, completionTokens: 6 };
          return [
            ...worker.respond(1, { type: 'text', text: '2 + 2 = 4 🐟', tokens: [] }, 100),
            ...worker.respond(1, { type: 'finish', reason: 'stop', rawReason: 'eogToken', usage }, 120),
          ];
        },
      },
      {
        by: 'worker',
        act: () => {
          health = { ...health, score: 18, state: 'overloaded', cpu: 100, memory: 98, canAcceptRequests: false };
          return worker.broadcast();
        },
      },
      { by: 'client', act: ask(2, 'And now?', {}) },
      { by: 'worker', act: () => worker.respond(2, { type: 'error', error: overloaded }, 130) },
      { by: 'client', act: ask(3, '', {}) },
      { by: 'client', act: () => client.requestStatus() },
    ],
  };

  function side(one: QmeshServer | QmeshClient): Speaker {
    return {
      start: () => one.start(),
      hear: (line) => one.message(parseObject(line), line.length, 0) ?? [],
    };
  }
}

function peerSession(
  name: string,
  key: string,
  models: readonly string[],
  abilities: readonly Ability[] = [],
): PeerSession {
  const lends = models.length > 0;
  const hello: HelloMessage = {
    type: 'peer_hello',
    node_name: name,
    clusters: ['gatewayai-poc'],
    supported_models: models,
    protocol: PROTOCOL,
    peer_id: key.repeat(32),
    version: '0.1.0',
    uptime_s: 60,
    roles: lends ? ['worker', 'client'] : ['client'],
    models: models.map((id) => ({
      id,
      digest: `sha256:${'0'.repeat(64)}`,
      context_length: 512,
      quantization: 'F16',
      ...(abilities.length > 0 && { abilities }),
    })),
    ...(lends ? { capacity: { slots: 1, queue: 16 }, hardware: { cpu_cores: 2, ram_gb: 8, gpu_vram_gb: 0 } } : {}),
  };
  return new PeerSession({
    framer: ndjsonFramer(MAX_REQUEST_BYTES),
    hello: () => hello,
    status: () => ({ health: 88, active: 0, queued: 0, slots: lends ? 1 : 0 }),
    idPrefix: key.repeat(8),
    helloOwed: false,
  });
}

function speaker(session: PeerSession): Speaker {
  let met: PeerInfo | undefined;
  return {
    start: () => session.start(0),
    hear(line) {
      const outputs = session.receive(line, 0);
      for (const output of outputs) {
        assert.notEqual(output.type, 'close');
        if (output.type === 'peer') met = output.peer;
      }
      assert.ok(met !== undefined, 'the first message says who the peer is');
      return outputs;
    },
  };
}

function sent(outputs: readonly Output<unknown>[]): JsonObject[] {
  return outputs.flatMap((output) => (output.type === 'send' ? [parseObject(output.bytes)] : []));
}

function encoded(message: object): Uint8Array {
  return ndjsonFramer(0).encode(encodeObject(message));
}

function toLines(value: unknown): string {
  return Array.isArray(value) ? value.map((line) => `${JSON.stringify(line)}\n`).join('') : String(value);
}

function fromLines(text: string): Line[] {
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const { from, message } = JSON.parse(line) as { from?: unknown; message?: unknown };
      assert.ok((from === 'client' || from === 'worker') && isObject(message), line);
      return { from, message };
    });
}

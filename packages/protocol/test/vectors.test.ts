import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ndjsonFramer, type Output, type PeerInfo, promptInput, ShoalError } from '../src/index.ts';
import { encodeObject, isObject, type JsonObject, parseObject } from '../src/json.ts';
import { OpenGatewayClient } from '../src/opengateway/index.ts';
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
  start(): Output[];
  hear(line: Uint8Array): Output[];
}

interface Conversation extends Record<Side, Speaker> {
  /** What each side says unasked, in order; the rest are replies. */
  readonly turns: readonly { readonly by: Side; readonly act: () => Output[] }[];
}

const CONVERSATIONS = { shoal: shoalConversation, opengateway: openGatewayConversation };

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
  const say = (from: Side, outputs: Output[]): void => {
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
  const worker = peerSession('NodeA', 'a0', ['tiny']);
  const ask = (id: number, prompt: string) => () =>
    client.ask(id, { input: promptInput(prompt), sampling: { temperature: 0 }, stop: [], deadlineMs: 60_000 }, 0);
  const text = (id: number, words: string, tokens: number[]) => () =>
    worker.respond(id, { type: 'text', text: words, tokens });
  const usage = { promptTokens: 12, completionTokens: 6 };
  const full = new ShoalError('QUEUE_FULL', 'All 1 slots are taken and 16 requests wait.', { retryAfterMs: 1_000 });
  return {
    client: speaker(client),
    worker: speaker(worker),
    turns: [
      { by: 'client', act: ask(1, 'What is 2+2?') },
      { by: 'worker', act: () => worker.respond(1, { type: 'queued', position: 1 }) },
      { by: 'client', act: () => client.tick(HEARTBEAT_MS) },
      { by: 'worker', act: text(1, '2 + 2 = ', [17, 10, 17, 28]) },
      { by: 'worker', act: text(1, '4 🐟', [19, 280]) },
      // As the reader of a long answer does by and by; it may be granted at any time.
      { by: 'client', act: () => client.consumed(1, INITIAL_CREDIT_BYTES / 4) },
      { by: 'worker', act: () => worker.respond(1, { type: 'finish', reason: 'stop', rawReason: 'eogToken', usage }) },
      { by: 'client', act: ask(2, 'Count to a million.') },
      { by: 'worker', act: text(2, '1 2 3', [16, 17, 18]) },
      { by: 'client', act: () => client.abort(2) },
      { by: 'client', act: ask(3, 'And now?') },
      { by: 'worker', act: () => worker.respond(3, { type: 'error', error: full }) },
    ],
  };
}

/** The worker is a node of ours, the client one of the other program: it says nothing of shoal/1. */
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
          ...worker.respond(1, { type: 'text', text: '2 + 2 = ', tokens: [] }),
          ...worker.respond(1, { type: 'text', text: '4', tokens: [] }),
          ...worker.respond(1, { type: 'finish', reason: 'stop', rawReason: 'eogToken', model: 'tiny' }),
        ],
      },
      { by: 'client', act: () => [send({ type: 'inference_request', prompt: 'Hello' })] },
      { by: 'worker', act: () => worker.respond(2, { type: 'error', error: ShoalError.generationFailed('No luck.') }) },
    ],
  };
}

function peerSession(name: string, key: string, models: readonly string[]): PeerSession {
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
    models: models.map((id) => ({ id, digest: `sha256:${'0'.repeat(64)}`, context_length: 512, quantization: 'F16' })),
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

function sent(outputs: readonly Output[]): JsonObject[] {
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

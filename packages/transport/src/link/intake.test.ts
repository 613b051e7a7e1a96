import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ShoalError } from '@shoal/protocol/error';
import { donateFramer, type DonateServer, donateServerSession, type UploadEvent } from '@shoal/protocol/donate';
import type { ServerSession } from '@shoal/protocol';
import { Budget, Turns } from '../budget/index.ts';
import { TURN_MS } from '../budget/turns.ts';
import type { Connection, Flow } from '../connection.ts';
import { memoryPair } from '../memory.ts';
import type { Exchange } from './exchange.ts';
import { PIECE_BYTES } from './intake.ts';
import { Link } from './link.ts';

const KIB = 1024;
/** One peer may use 768 KiB of it, and large frames 576 KiB. */
const LIMIT_BYTES = 1024 * KIB;
const CHUNK_BYTES = 64 * KIB;

type Door = ReturnType<Budget['door']>;

/** A client that writes any bytes, and the server's link to it. */
class Peer {
  readonly link: Link<ServerSession<DonateServer, UploadEvent>, UploadEvent>;
  readonly exchanges: Exchange[] = [];
  /** The events at the server, in order. */
  readonly said: string[] = [];
  received = '';
  error: Error | undefined;
  readonly #near: Connection;

  constructor(door: Door, { address = 'peer', flow = 'transport' }: { address?: string; flow?: Flow } = {}) {
    const [near, far] = memoryPair();
    this.#near = near;
    const connection: Connection = {
      remote: { ...far.remote, address },
      flow,
      open: (handlers) =>
        far.open(flow === 'none' ? { ...handlers, data: (bytes) => void handlers.data(bytes) } : handlers),
      send: (bytes) => far.send(bytes),
      close: () => far.close(),
    };
    const queue = () => ({ depth: 0, capacity: 1, in_progress: false });
    this.link = new Link(
      connection,
      donateServerSession({ mode: 'local_lm', queue }),
      {
        peer: () => {},
        request: (exchange) => {
          this.said.push('request');
          this.exchanges.push(exchange);
        },
        close: (error) => {
          this.said.push('close');
          this.error = error;
        },
      },
      door,
    );
    this.link.start();
    near.open({
      data: (bytes) => void (this.received += Buffer.from(bytes).toString()),
      drain: () => {},
      close: () => {},
    });
  }

  /** In chunks of the size that sockets deliver. */
  send(...messages: readonly Uint8Array[]): void {
    const bytes = Buffer.concat(messages);
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES) this.#near.send(bytes.subarray(at, at + CHUNK_BYTES));
  }

  end(): void {
    this.#near.close();
  }

  /** How often the server has answered `queue_status`. */
  get answers(): number {
    return this.received.split('"queue_status"').length - 1;
  }
}

/** A message that the server answers, of about this size. */
function question(bytes: number): Uint8Array {
  return frame({ type: 'queue_status', padding: 'x'.repeat(bytes) });
}

function prompt(bytes: number): Uint8Array {
  return frame({ type: 'prompt', job_id: '1', prompt: 'x'.repeat(bytes) });
}

function frame(message: object): Uint8Array {
  return donateFramer().encode(Buffer.from(JSON.stringify(message)));
}

/** Resolves after everything pending in this process. */
async function settled(): Promise<void> {
  for (let round = 0; round < 10; round += 1) await new Promise((resolve) => setImmediate(resolve));
}

test('a large message waits for memory while its peer is held back, and is read in order of arrival', async () => {
  const budget = new Budget({ limitBytes: LIMIT_BYTES });
  const door = budget.door();
  const [first, second, third] = [new Peer(door), new Peer(door), new Peer(door)];
  const bytes = question(400 * KIB);
  first.send(bytes.subarray(0, 100 * KIB));
  await settled();
  second.send(bytes);
  await settled();
  third.send(bytes);
  await settled();
  assert.deepEqual([first.answers, second.answers, third.answers], [0, 0, 0]);
  const usedBytes = budget.usedBytes;
  assert.ok(usedBytes > 400 * KIB && usedBytes < LIMIT_BYTES, `${usedBytes} bytes`);
  const small = new Peer(door);
  small.send(question(10));
  await settled();
  assert.equal(small.answers, 1);
  first.send(bytes.subarray(100 * KIB));
  await settled();
  assert.deepEqual(
    [first, second, third].map(({ answers, said }) => [answers, said]),
    [
      [1, []],
      [1, []],
      [1, []],
    ],
  );
  for (const { link } of [first, second, third, small]) link.close();
  assert.equal(budget.usedBytes, 0);
});

test('a peer that cannot be held back is closed with OVERLOADED if its message has no room', async () => {
  const budget = new Budget({ limitBytes: LIMIT_BYTES });
  const door = budget.door();
  const [holder, peer] = [new Peer(door), new Peer(door, { flow: 'none' })];
  const bytes = question(400 * KIB);
  holder.send(bytes.subarray(0, 100 * KIB));
  await settled();
  peer.send(bytes);
  await settled();
  assert.equal(peer.error instanceof ShoalError && peer.error.code, 'OVERLOADED');
  assert.match(peer.received, /"type":"error"/);
  holder.link.close();
  assert.equal(budget.usedBytes, 0);
});

test('a message that can never have room closes its connection', async () => {
  const budget = new Budget({ limitBytes: LIMIT_BYTES });
  const peer = new Peer(budget.door());
  peer.send(question(700 * KIB));
  await settled();
  assert.equal(peer.error instanceof ShoalError && peer.error.code, 'OVERLOADED');
  assert.equal(budget.usedBytes, 0);
});

test('a request without room for it is refused, and the connection stays open', async () => {
  const budget = new Budget({ limitBytes: LIMIT_BYTES });
  const peer = new Peer(budget.door());
  peer.send(prompt(200 * KIB), question(10));
  await settled();
  assert.deepEqual([peer.said, peer.answers], [[], 1]);
  assert.match(peer.received, /"type":"error"/);
  peer.send(prompt(20 * KIB));
  await settled();
  assert.deepEqual(peer.said, ['request']);
  assert.ok(budget.usedBytes > 8 * 20 * KIB);
  await peer.exchanges[0]?.send({ type: 'finish', reason: 'stop', rawReason: 'eos' });
  assert.equal(budget.usedBytes, 0);
  peer.link.close();
});

test('a request counts until its peer is gone', async () => {
  const budget = new Budget({ limitBytes: LIMIT_BYTES });
  const peer = new Peer(budget.door());
  peer.send(prompt(20 * KIB));
  await settled();
  assert.ok(budget.usedBytes > 0);
  peer.end();
  await settled();
  assert.deepEqual([peer.said, budget.usedBytes], [['request', 'close'], 0]);
});

/** A budget in which each piece takes all the time of a turn, and the turns that are due. */
function slowTurns(): { budget: Budget; next: () => Promise<void> } {
  const due: (() => void)[] = [];
  let now = 0;
  const turns = new Turns({ now: () => (now += TURN_MS), later: (task) => due.push(task) });
  return {
    budget: new Budget({ turns }),
    async next() {
      due.shift()?.();
      for (let round = 0; round < 10; round += 1) await Promise.resolve();
    },
  };
}

test('a peer that floods delays the message of another peer by one piece at most', async () => {
  const { budget, next } = slowTurns();
  const door = budget.door();
  const flooders = [1, 2, 3].map(() => new Peer(door, { address: 'flooder' }));
  const honest = new Peer(door, { address: 'honest' });
  await settled();
  const flood = Buffer.concat(Array.from({ length: 5_000 }, () => question(0)));
  for (const flooder of flooders) flooder.send(flood);
  await settled();
  for (let turn = 0; turn < 5; turn += 1) await next();
  honest.send(question(10));
  await settled();
  const before = flooders.reduce((sum, { answers }) => sum + answers, 0);
  await next();
  await settled();
  assert.equal(honest.answers, 1);
  const after = flooders.reduce((sum, { answers }) => sum + answers, 0);
  assert.ok(after - before <= PIECE_BYTES / question(0).length, `${after - before} messages of the flood came before`);
  for (const { link } of [...flooders, honest]) link.close();
  assert.equal(budget.usedBytes, 0);
});

test('messages that wait for a turn arrive in order, and the end comes after them', async () => {
  const { budget, next } = slowTurns();
  const peer = new Peer(budget.door());
  await settled();
  peer.send(question(5 * PIECE_BYTES), question(10), prompt(3 * PIECE_BYTES), question(10));
  peer.end();
  await settled();
  assert.deepEqual(peer.said, []);
  for (let turn = 0; turn < 12; turn += 1) await next();
  await settled();
  assert.deepEqual(peer.said, ['request', 'close']);
  assert.deepEqual([peer.error, budget.usedBytes], [undefined, 0]);
});

test('the clock of a session stands still while its bytes wait for a turn', async (context) => {
  let now = 0;
  context.mock.method(performance, 'now', () => now);
  const { budget, next } = slowTurns();
  const peer = new Peer(budget.door());
  await settled();
  peer.send(question(2 * PIECE_BYTES));
  await settled();
  now = 5_000;
  assert.equal(peer.link.now(), 0);
  for (let turn = 0; turn < 4; turn += 1) await next();
  now = 6_000;
  assert.equal(peer.link.now(), 1_000);
  peer.link.close();
});

test('bytes of a peer that cannot be held back wait for a turn, and count meanwhile', async () => {
  const { budget, next } = slowTurns();
  const peer = new Peer(budget.door(), { flow: 'none' });
  await settled();
  peer.send(question(5 * PIECE_BYTES), question(10));
  await settled();
  assert.ok(budget.usedBytes > 4 * PIECE_BYTES);
  for (let turn = 0; turn < 8; turn += 1) await next();
  await settled();
  assert.deepEqual([peer.answers, budget.usedBytes], [2, 0]);
  peer.link.close();
});

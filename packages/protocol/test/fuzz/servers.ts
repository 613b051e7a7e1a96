import assert from 'node:assert/strict';
import b4a from 'b4a';
import { type HostileSubject, mutated, type Random } from '../../src/contracts/index.ts';
import { ShoalError } from '../../src/error.ts';
import { type InferenceEvent, isTerminal } from '../../src/event.ts';
import { FRAME_STALL_MS } from '../../src/message-session.ts';
import type { Output, Session } from '../../src/session.ts';
import { encodeObject } from '../../src/json.ts';
import { changed, oneOf } from './values.ts';

const MOST_STEPS = 10;
const WAITS_MS = [0, 1, 1_000, FRAME_STALL_MS] as const;
const USAGE = { promptTokens: 3, completionTokens: 2 };
const EVENTS: readonly [InferenceEvent, ...InferenceEvent[]] = [
  { type: 'queued', position: 1 },
  { type: 'text', text: '4 🐟', tokens: [7] },
  { type: 'text', text: '', tokens: [] },
  { type: 'finish', reason: 'stop', rawReason: 'eos', usage: USAGE },
  { type: 'error', error: new ShoalError('QUEUE_FULL', 'Full.', { retryAfterMs: 1_000 }) },
];

/** A peer sends messages with faults, while its requests are answered. */
export function fuzzServer(subject: HostileSubject, random: Random): void {
  const watched = new WatchedSession(subject.session());
  watched.take((session) => session.start(0));
  if (subject.greeting !== undefined && random(8) > 0) {
    const { greeting } = subject;
    watched.take((session) => session.receive(subject.frame(encodeObject(greeting)), 0));
  }
  let now = 0;
  for (let step = random(MOST_STEPS); step > 0; step -= 1) {
    const time = (now += oneOf(WAITS_MS, random) * Number(random(4) === 0));
    switch (random(4)) {
      case 0:
        watched.respond(random, time);
        break;
      case 1:
        if (watched.wakeAt <= time) watched.take((session) => session.tick(time));
        break;
      default: {
        const bytes = someFrame(subject, random);
        const cut = subject.cuttable ? random(bytes.length + 1) : bytes.length;
        for (const piece of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
          if (piece.length > 0) watched.take((session) => session.receive(piece, time));
        }
      }
    }
  }
  watched.end();
}

function someFrame({ frame, request, more = [], greeting }: HostileSubject, random: Random): Uint8Array {
  const own = request(oneOf(['1', '2', '3'], random), 'What is 2+2?');
  const message = oneOf([own, ...more, ...(greeting === undefined ? [] : [greeting])], random);
  const body = random(3) === 0 ? encodeObject(message) : b4a.from(JSON.stringify(changed(message, random)));
  const bytes = frame(body);
  return random(4) === 0 ? mutated(bytes, random) : bytes;
}

/** Checks the outputs of a session. */
class WatchedSession {
  readonly #session: Session<unknown>;
  readonly #open = new Set<number>();
  readonly #known = new Set<number>();
  #isClosed = false;

  constructor(session: Session<unknown>) {
    this.#session = session;
  }

  get wakeAt(): number {
    return this.#session.wakeAt;
  }

  take(act: (session: Session<unknown>) => Output<unknown>[]): void {
    const wasClosed = this.#isClosed;
    const outputs = act(this.#session);
    if (wasClosed) assert.deepEqual(outputs, [], 'nothing comes after the close');
    for (const output of outputs) this.#check(output);
  }

  respond(random: Random, now: number): void {
    const id = [...this.#open][random(this.#open.size)];
    if (id === undefined) return;
    const event = oneOf(EVENTS, random);
    if (!this.#isClosed && isTerminal(event)) this.#open.delete(id);
    this.take((session) => session.respond(id, event, now));
  }

  /** After a close the requests that are open are ended, and nothing else comes. */
  end(): void {
    const open = [...this.#open];
    const outputs = this.#session.end();
    for (const output of outputs) assert.ok(output.type === 'abort' && this.#open.delete(output.id), output.type);
    assert.deepEqual([...this.#open], [], `of ${open.length} open requests some are not ended`);
    assert.deepEqual(this.#session.end(), []);
  }

  #check(output: Output<unknown>): void {
    assert.ok(!this.#isClosed, `${output.type} after the close`);
    switch (output.type) {
      case 'request':
        assert.ok(!this.#known.has(output.id), 'an id is used once');
        this.#known.add(output.id);
        this.#open.add(output.id);
        return;
      case 'abort':
        assert.ok(this.#open.delete(output.id), 'an open request is aborted once');
        return;
      case 'close':
        this.#isClosed = true;
        return;
      case 'event':
        return assert.fail('an event without a question');
      case 'send':
      case 'peer':
      case 'credit':
      case 'extension':
        return;
      default:
        return output satisfies never;
    }
  }
}

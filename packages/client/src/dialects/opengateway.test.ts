import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import type { InferenceEvent } from '@shoal/protocol';
import { promptInput } from '@shoal/protocol/request';
import { type ErrorCode, ShoalError } from '@shoal/protocol/error';
import type { Peer } from '@shoal/network';
import { AnswerStream } from '@shoal/transport';
import { Cancellation } from '../cancel.ts';
import { askOpenGatewayPeers, MAX_SILENT_MEMBERS, SILENT_MEMBERS_AFTER_MS } from './opengateway.ts';

const request = { input: promptInput('Hi'), sampling: {}, stop: [] };
const FINISH: InferenceEvent = { type: 'finish', reason: 'stop', rawReason: 'inference_response' };

/** A peer whose answers are the test's. */
class Answerer {
  readonly peer: Peer;
  #answer: AnswerStream | undefined;
  isAborted = false;

  constructor(name: string) {
    const receive = (): AnswerStream => {
      this.#answer = new AnswerStream({ consumed: () => {}, abandon: () => (this.isAborted = true) });
      return this.#answer;
    };
    const connection = { remote: { transport: 'memory', address: name, initiator: true } as const };
    const info = { dialect: 'opengateway', name, models: [] };
    this.peer = { key: name, link: { connection, openAnswers: 0, ask: receive }, info, connectedAt: 0, lastSeenAt: 0 };
  }

  get isAsked(): boolean {
    return this.#answer !== undefined;
  }

  answer(...events: readonly InferenceEvent[]): void {
    for (const event of events) this.#answer?.push(event, 0);
  }

  fail(code: ErrorCode): void {
    this.answer({ type: 'error', error: new ShoalError(code, this.peer.key) });
  }
}

const of = (...names: readonly string[]): Answerer[] => names.map((name) => new Answerer(name));

/** Collects what the reader gets: names of workers, codes of errors, and types of other events. */
async function ask(
  peers: readonly Answerer[],
  silent: readonly Answerer[],
): Promise<{ seen: string[]; ended: boolean }> {
  const all = { peers: peers.map(({ peer }) => peer), silent: silent.map(({ peer }) => peer) };
  const asking = askOpenGatewayPeers(all, request, new Cancellation());
  const seen: string[] = [];
  for (;;) {
    const { done, value } = await asking.next();
    if (done === true) return { seen, ended: value };
    seen.push(value.type === 'worker' ? value.name : value.type === 'error' ? value.error.message : value.type);
  }
}

/** Resolves after everything pending in this process. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('members without a hello are asked if the others have not answered after two seconds, and the first good answer is used', async (context) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  context.after(() => mock.timers.reset());
  const [slow, early] = [new Answerer('slow'), new Answerer('early')];
  const answer = ask([slow], [early]);
  await settled();
  mock.timers.tick(SILENT_MEMBERS_AFTER_MS - 1);
  await settled();
  assert.deepEqual([slow.isAsked, early.isAsked], [true, false]);
  mock.timers.tick(1);
  await settled();
  early.answer({ type: 'text', text: 'Hello', tokens: [] }, FINISH);
  assert.deepEqual(await answer, { seen: ['early', 'text', 'finish'], ended: true });
  assert.equal(slow.isAborted, true);
});

test('members without a hello are asked nothing if another peer answers in time', async () => {
  const [quick, early] = [new Answerer('quick'), new Answerer('early')];
  const answer = ask([quick], [early]);
  await settled();
  quick.answer(FINISH);
  assert.deepEqual(await answer, { seen: ['quick', 'finish'], ended: true });
  assert.equal(early.isAsked, false);
});

test('once all others have failed, members without a hello are asked at once, and the error is that of the others', async () => {
  const [broken, early] = [of('broken', 'bent'), of('early')];
  const answer = ask(broken, early);
  await settled();
  broken[1]?.fail('GENERATION_FAILED');
  await settled();
  assert.equal(early[0]?.isAsked, false);
  broken[0]?.fail('GENERATION_FAILED');
  await settled();
  early[0]?.fail('TIMEOUT_NO_RESPONSE');
  assert.deepEqual(await answer, { seen: ['broken'], ended: true });
});

test('the number of members without a hello that are asked is bounded', async () => {
  const silent = Array.from({ length: MAX_SILENT_MEMBERS + 1 }, (_, index) => new Answerer(String(index)));
  const answer = ask([], silent);
  await settled();
  assert.equal(silent.filter(({ isAsked }) => isAsked).length, MAX_SILENT_MEMBERS);
  silent[3]?.answer(FINISH);
  assert.deepEqual(await answer, { seen: ['3', 'finish'], ended: true });
});

test('members without a hello that do not answer are no workers, and an [error] of one is reported', async () => {
  for (const [code, seen] of [
    ['TIMEOUT_NO_RESPONSE', []],
    ['WORKER_LOST', []],
    ['GENERATION_FAILED', ['early']],
  ] as const) {
    const early = new Answerer('early');
    const answer = ask([], [early]);
    await settled();
    early.fail(code);
    assert.deepEqual(await answer, { seen, ended: seen.length > 0 });
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PeerTime, TURN_MS, type TurnReader, Turns } from './turns.ts';

/** Turns with a clock and an event loop that the test moves. */
class Loop {
  now = 0;
  readonly turns: Turns;
  #tasks: (() => void)[] = [];

  constructor() {
    this.turns = new Turns({ now: () => this.now, later: (task) => this.#tasks.push(task) });
  }

  /** The number of turns that are due. */
  get due(): number {
    return this.#tasks.length;
  }

  next(): void {
    for (const task of this.#tasks.splice(0)) task();
  }

  work(peer: PeerTime, ms: number): void {
    const begunAt = this.turns.begin();
    this.now += ms;
    this.turns.ended(begunAt, peer);
  }

  /** A reader with so many pieces, each of which takes `ms`. It writes its name for each. */
  reader(name: string, peer: PeerTime, pieces: number, ms: number, said: string[]): TurnReader {
    let left = pieces;
    const reader: TurnReader = {
      step: () => {
        said.push(name);
        left -= 1;
        this.work(peer, ms);
        if (left > 0) this.turns.wait(peer, reader);
      },
    };
    return reader;
  }
}

test('a turn has time until it is used up, and the next one has time again', () => {
  const loop = new Loop();
  const peer = new PeerTime();
  assert.equal(loop.turns.hasTime, true);
  loop.work(peer, TURN_MS - 1);
  assert.equal(loop.turns.hasTime, true);
  loop.work(peer, 1);
  assert.equal(loop.turns.hasTime, false);
  loop.next();
  assert.equal(loop.turns.hasTime, true);
});

test('a little work starts no turn of its own', () => {
  const loop = new Loop();
  loop.work(new PeerTime(), 0.1);
  assert.equal(loop.due, 0);
});

test('a turn reads pieces until its time is used up', () => {
  const loop = new Loop();
  const said: string[] = [];
  const peer = new PeerTime();
  loop.turns.wait(peer, loop.reader('a', peer, 10, TURN_MS / 2, said));
  assert.equal(loop.turns.hasTime, false);
  loop.next();
  assert.equal(said.length, 2);
  for (let turn = 0; turn < 4; turn += 1) loop.next();
  assert.equal(said.length, 10);
  loop.next();
  assert.deepEqual([loop.due, loop.turns.hasTime], [0, true]);
});

test('a peer that floods delays the message of another one by one piece at most', () => {
  const loop = new Loop();
  const said: string[] = [];
  const [flooder, honest] = [new PeerTime(), new PeerTime()];
  for (let connection = 0; connection < 8; connection += 1) {
    loop.turns.wait(flooder, loop.reader('flood', flooder, 100, 3 * TURN_MS, said));
  }
  loop.next();
  loop.next();
  loop.turns.wait(honest, loop.reader('honest', honest, 1, 0.1, said));
  loop.next();
  assert.deepEqual(said, ['flood', 'flood', 'honest', 'flood']);
});

test('peers with the same work take turns, and so do the connections of one peer', () => {
  const loop = new Loop();
  const said: string[] = [];
  const [left, right] = [new PeerTime(), new PeerTime()];
  loop.turns.wait(left, loop.reader('l1', left, 2, 1, said));
  loop.turns.wait(left, loop.reader('l2', left, 2, 1, said));
  loop.turns.wait(right, loop.reader('r', right, 4, 1, said));
  loop.next();
  assert.deepEqual(
    said.filter((name) => name.startsWith('l')),
    ['l1', 'l2', 'l1', 'l2'],
  );
  assert.deepEqual(
    said
      .slice(0, 4)
      .toSorted()
      .map((name) => name[0]),
    ['l', 'l', 'r', 'r'],
  );
});

test('time that was used long ago counts little', () => {
  const [early, late] = [new PeerTime(), new PeerTime()];
  early.add(100, 0);
  late.add(10, 100);
  assert.ok(early.rank > late.rank);
  late.add(10, 10_000);
  assert.ok(early.rank < late.rank);
  assert.ok(new PeerTime().rank < early.rank);
});

test('a reader that leaves is not called', () => {
  const loop = new Loop();
  const said: string[] = [];
  const peer = new PeerTime();
  const reader = loop.reader('a', peer, 1, 1, said);
  loop.turns.wait(peer, reader);
  loop.turns.leave(peer, reader);
  loop.turns.leave(peer, reader);
  loop.next();
  assert.deepEqual([said, loop.turns.hasTime], [[], true]);
});

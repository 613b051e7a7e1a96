import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsedTime, TURN_MS, type TurnReader, Turns } from './turns.ts';

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

  work(reader: TurnReader, ms: number): void {
    const begunAt = this.turns.begin();
    this.now += ms;
    this.turns.ended(begunAt, reader);
  }

  /** A reader with so many pieces, each of which takes `ms`. It writes its name for each. */
  reader(name: string, time: UsedTime, pieces: number, ms: number, said: string[]): TurnReader {
    let left = pieces;
    const reader: TurnReader = {
      time,
      step: () => {
        said.push(name);
        left -= 1;
        this.work(reader, ms);
        if (left > 0) this.turns.wait(reader);
      },
    };
    return reader;
  }
}

test('a turn has time until it is used up, and the next one has time again', () => {
  const loop = new Loop();
  const reader = loop.reader('a', new UsedTime(), 0, 0, []);
  assert.equal(loop.turns.hasTime, true);
  loop.work(reader, TURN_MS - 1);
  assert.equal(loop.turns.hasTime, true);
  loop.work(reader, 1);
  assert.equal(loop.turns.hasTime, false);
  loop.next();
  assert.equal(loop.turns.hasTime, true);
});

test('a little work starts no turn of its own', () => {
  const loop = new Loop();
  loop.work(loop.reader('a', new UsedTime(), 0, 0, []), 0.1);
  assert.equal(loop.due, 0);
});

test('a turn reads pieces until its time is used up', () => {
  const loop = new Loop();
  const said: string[] = [];
  const peer = new UsedTime();
  loop.turns.wait(loop.reader('a', peer, 10, TURN_MS / 2, said));
  assert.equal(loop.turns.hasTime, false);
  loop.next();
  assert.equal(said.length, 2);
  for (let turn = 0; turn < 4; turn += 1) loop.next();
  assert.equal(said.length, 10);
  loop.next();
  assert.deepEqual([loop.due, loop.turns.hasTime], [0, true]);
});

test('a piece that takes as long as several turns is made up for by turns without one', () => {
  const loop = new Loop();
  const said: string[] = [];
  loop.turns.wait(loop.reader('a', new UsedTime(), 2, 3 * TURN_MS, said));
  const counts = Array.from({ length: 6 }, () => {
    loop.next();
    return said.length;
  });
  assert.deepEqual(counts, [1, 1, 1, 2, 2, 2]);
  loop.next();
  assert.deepEqual([loop.due, loop.turns.hasTime], [0, true]);
});

test('a peer that floods delays the message of another one by one piece at most', () => {
  const loop = new Loop();
  const said: string[] = [];
  const [flooder, honest] = [new UsedTime(), new UsedTime()];
  for (let connection = 0; connection < 8; connection += 1) {
    loop.turns.wait(loop.reader('flood', flooder, 100, TURN_MS, said));
  }
  for (let turn = 0; turn < 5; turn += 1) loop.next();
  assert.equal(said.length, 5);
  loop.turns.wait(loop.reader('honest', honest, 1, 0.1, said));
  loop.next();
  assert.equal(said[5], 'honest');
});

test('peers with the same work take turns, and so do the connections of one peer', () => {
  const loop = new Loop();
  const said: string[] = [];
  const [left, right] = [new UsedTime(), new UsedTime()];
  loop.turns.wait(loop.reader('l1', left, 2, TURN_MS / 8, said));
  loop.turns.wait(loop.reader('l2', left, 2, TURN_MS / 8, said));
  loop.turns.wait(loop.reader('r', right, 4, TURN_MS / 8, said));
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

test('a peer that has used little takes turns with many new ones, and does not wait until they have used as much', () => {
  const loop = new Loop();
  const said: string[] = [];
  const honest = new UsedTime();
  loop.work(loop.reader('honest', honest, 0, 0, []), TURN_MS - 1);
  for (let peer = 0; peer < 10; peer += 1) loop.turns.wait(loop.reader('new', new UsedTime(), 5, 0.01, said));
  loop.turns.wait(loop.reader('honest', honest, 1, 0.01, said));
  loop.next();
  assert.equal(said.indexOf('honest'), 10);
});

test('time that was used long ago counts little', () => {
  const [early, late] = [new UsedTime(), new UsedTime()];
  early.add(100, 0);
  late.add(10, 100);
  assert.ok(early.at(100) > late.at(100));
  late.add(10, 10_000);
  assert.ok(early.at(10_000) < 1 && late.at(10_000) > 10);
});

test('a reader that leaves is not called', () => {
  const loop = new Loop();
  const said: string[] = [];
  const peer = new UsedTime();
  const reader = loop.reader('a', peer, 1, 1, said);
  loop.turns.wait(reader);
  loop.turns.leave(reader);
  loop.turns.leave(reader);
  loop.next();
  assert.deepEqual([said, loop.turns.hasTime], [[], true]);
});

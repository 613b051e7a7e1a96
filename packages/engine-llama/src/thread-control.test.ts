import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ThreadControl } from './thread-control.ts';

/** A machine on which a step takes 10 ms of work, and ten times longer with more threads than free cores. */
class Machine {
  now = 0;
  steps = 0;
  threads: number;
  readonly control: ThreadControl;
  readonly cores: number;
  readonly seen: number[] = [];
  free: number;

  constructor(cores: number, threads: number, { tells = true } = {}) {
    this.cores = cores;
    this.free = cores;
    this.threads = threads;
    const freeCores = () => (tells ? this.free : undefined);
    this.control = new ThreadControl({ threads, cores, now: () => this.now, freeCores });
  }

  /** Computes for some milliseconds. Returns the share of the tokens that the best fixed number of threads computes. */
  run(ms: number, answers = 1): number {
    const until = this.now + ms;
    let steps = 0;
    while (this.now < until) {
      const took = this.#stepMs(this.threads, answers);
      this.now += took;
      steps += 1;
      this.threads = this.control.stepped(took, answers);
      this.seen.push(this.threads);
    }
    const best = Math.min(...Array.from({ length: this.cores }, (_, index) => this.#stepMs(index + 1, answers)));
    return steps / (ms / best);
  }

  /** The number of threads of most of the last steps. */
  get usual(): number {
    const counts = this.seen.slice(-100).toSorted((one, other) => one - other);
    return counts[50] ?? 0;
  }

  #stepMs(threads: number, answers: number): number {
    const noise = 1 + 0.03 * Math.sin(this.now);
    return ((10 * answers) / threads) * noise * (threads > this.free ? 10 : 1);
  }
}

for (const tells of [true, false]) {
  const how = tells ? 'known' : 'unknown';
  test(`the threads follow the load of other programs, with the use of the processor ${how}`, () => {
    const machine = new Machine(2, 2, { tells });
    const quiet = machine.run(20_000);
    machine.free = 1;
    const loaded = machine.run(20_000);
    assert.equal(machine.usual, 1);
    machine.free = 2;
    const again = machine.run(20_000);
    assert.equal(machine.usual, 2);
    // Without knowing the use, only trials show that a core is free again.
    const least = tells ? 0.95 : 0.8;
    for (const share of [quiet, loaded, again]) assert.ok(share > least, [quiet, loaded, again].join(' '));
  });
}

test('a number that was measured beside other work is only a start', () => {
  const machine = new Machine(4, 1);
  machine.run(5_000);
  assert.equal(machine.threads, 4);
});

test('nothing is tried while the machine is quiet and all cores are used', () => {
  const machine = new Machine(4, 4);
  machine.run(60_000);
  assert.deepEqual([...new Set(machine.seen)], [4]);
});

test('a change of the number of answers is no slowdown', () => {
  const machine = new Machine(2, 2);
  machine.run(2_000, 1);
  machine.run(2_000, 8);
  machine.run(2_000, 1);
  assert.deepEqual([...new Set(machine.seen)], [2]);
});

test('a conversation that gets slower with its length is no load', () => {
  let now = 0;
  const control = new ThreadControl({ threads: 2, cores: 2, now: () => now, freeCores: () => 2 });
  for (let step = 0; step < 4_000; step++) {
    const ms = 10 + step / 200;
    now += ms;
    assert.equal(control.stepped(ms, 1), 2);
  }
});

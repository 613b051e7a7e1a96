import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { type FrameReader, LargeFrames } from './large-frames.ts';
import { Scope } from './scope.ts';

/** Three quarters of this are 90, which large frames may use. */
const LIMIT = 120;
const MIB = 1_048_576;

class Reader implements FrameReader {
  readonly #name: string;
  readonly #said: string[];
  receivedBytes = 0;
  time = 0;

  constructor(name: string, said: string[]) {
    this.#name = name;
    this.#said = said;
  }

  now(): number {
    return this.time;
  }

  granted(): void {
    this.#said.push(this.#name);
  }

  tooSlow(): void {
    this.#said.push(`${this.#name} is slow`);
  }
}

function setUp(): { root: Scope; frames: LargeFrames; said: string[]; reader: (name: string) => Reader } {
  const root = new Scope(LIMIT);
  const said: string[] = [];
  return { root, frames: new LargeFrames(root), said, reader: (name) => new Reader(name, said) };
}

/** Begins a frame that has room or will have room. */
function begin(frames: LargeFrames, scope: Scope, bytes: number, reader: FrameReader) {
  const frame = frames.begin(scope, bytes, reader);
  assert.ok(frame);
  return frame;
}

test('frames wait for room in order of arrival, and a small one does not overtake a large one', async () => {
  const { root, frames, said, reader } = setUp();
  const first = begin(frames, root, 60, reader('first'));
  const large = begin(frames, root, 60, reader('large'));
  const small = begin(frames, root, 20, reader('small'));
  assert.deepEqual([first.isGranted, large.isGranted, small.isGranted], [true, false, false]);
  frames.end(first);
  assert.equal(root.usedBytes, 0);
  await Promise.resolve();
  await Promise.resolve();
  assert.deepEqual(said, ['large', 'small']);
  assert.equal(root.usedBytes, 80);
  frames.end(large);
  frames.end(small);
  assert.equal(root.usedBytes, 0);
});

test('a peer without room does not hold up another peer', () => {
  const { root, frames, reader } = setUp();
  const [greedy, other] = [new Scope(40, root), new Scope(40, root)];
  const held = begin(frames, greedy, 30, reader('held'));
  const waiting = begin(frames, greedy, 30, reader('waiting'));
  const others = begin(frames, other, 30, reader('other'));
  assert.deepEqual([held.isGranted, waiting.isGranted, others.isGranted], [true, false, true]);
  for (const frame of [held, waiting, others]) frames.end(frame);
});

test('a frame that gives up its wait lets the next one go', async () => {
  const { root, frames, said, reader } = setUp();
  const held = begin(frames, root, 60, reader('held'));
  const large = begin(frames, root, 90, reader('large'));
  const small = begin(frames, root, 30, reader('small'));
  frames.end(large);
  await Promise.resolve();
  await Promise.resolve();
  assert.deepEqual(said, ['small']);
  frames.end(held);
  frames.end(small);
});

test('a frame that can never have room is refused at once', () => {
  const { root, frames, reader } = setUp();
  assert.equal(frames.begin(root, 91, reader('huge')), undefined);
});

test('a sender that is too slow while another one waits loses its place; one that is fast or held back does not', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const { root, frames, said, reader } = setUp();
  const [slow, fast, held] = [reader('slow'), reader('fast'), reader('held')];
  const granted = [slow, fast, held].map((one) => begin(frames, root, 30, one));
  slow.time = 60_000;
  const waiting = begin(frames, root, 30, reader('waiting'));
  for (let tick = 0; tick < 5; tick += 1) {
    slow.time += 500;
    fast.time += 500;
    slow.receivedBytes += MIB / 4;
    fast.receivedBytes += MIB;
    mock.timers.tick(500);
  }
  assert.deepEqual(said, ['slow is slow']);
  for (const frame of [...granted, waiting]) frames.end(frame);
  mock.timers.reset();
});

test('a slow sender keeps its place while nobody waits for it', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const { root, frames, said, reader } = setUp();
  const [peer, other] = [new Scope(40, root), new Scope(40, root)];
  const slow = reader('slow');
  const frame = begin(frames, other, 30, slow);
  const held = begin(frames, peer, 30, reader('held'));
  const waiting = begin(frames, peer, 30, reader('waiting'));
  for (let tick = 0; tick < 20; tick += 1) {
    slow.time += 500;
    mock.timers.tick(500);
  }
  assert.deepEqual(said, []);
  for (const one of [frame, held, waiting]) frames.end(one);
  mock.timers.reset();
});

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { TestContext } from 'node:test';
import type { Connection } from '../connection.ts';
import { HELD_BYTES_MAX } from '../inbox.ts';
import { Recorder } from './recorder.ts';

/** Two ends of one connection of the transport under test. */
export interface ConnectionPair {
  /** The end that dialled. */
  readonly a: Connection;
  readonly b: Connection;
  /** Destroys the socket under `b`, as when its process dies. Undefined if there is none. */
  readonly vanish?: (() => void) | undefined;
  /** Releases everything. */
  close(): Promise<void>;
}

const MEBIBYTE = 1024 * 1024;

export interface ContractOptions {
  /** True if the transport carries only UTF-8 text. */
  readonly isText?: boolean | undefined;
  /** Tests that this transport skips: title and reason. */
  readonly skips?: Readonly<Record<string, string>> | undefined;
}

/** Defines the tests that the connections of every transport must pass. */
export function connectionContract(
  name: string,
  makePair: () => Promise<ConnectionPair>,
  { isText = false, skips = {} }: ContractOptions = {},
): void {
  /** Returns bytes that differ from position to position. */
  function pattern(length: number): Uint8Array {
    const bits = isText ? 0x7f : 0xff;
    return Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8)) & bits);
  }

  suite(`${name}: the connection contract`, () => {
    function withPair(title: string, body: (pair: ConnectionPair, context: TestContext) => Promise<void>): void {
      test(title, { skip: skips[title] ?? false }, async (context) => {
        const pair = await makePair();
        try {
          await body(pair, context);
        } finally {
          await pair.close();
        }
      });
    }

    withPair('one end is the initiator, and both ends have the same flow', async ({ a, b }) => {
      assert.deepEqual([a.remote.initiator, b.remote.initiator], [true, false]);
      assert.equal(a.flow, b.flow);
    });

    withPair('bytes arrive in order, however they are cut', async ({ a, b }) => {
      const [left, right] = [new Recorder(a), new Recorder(b)];
      const sent = pattern(200_000);
      for (let from = 0, size = 1; from < sent.length; from += size, size = (size * 3) % 7_919) {
        if (!a.send(sent.subarray(from, from + size))) await left.drained();
      }
      b.send(pattern(100));
      await Promise.all([right.received(sent.length), left.received(100)]);
      assert.deepEqual(right.bytes(), sent);
      assert.deepEqual(left.bytes(), pattern(100));
    });

    withPair('bytes that arrive before open are delivered after it, not within it', async ({ a, b }) => {
      const left = new Recorder(a);
      b.send(pattern(10));
      await left.received(10);
      a.send(pattern(5_000));
      // When the second message of b arrives, the bytes from a have reached b too.
      b.send(pattern(10));
      await left.received(20);
      const right = new Recorder(b);
      assert.equal(right.calls, 0);
      await right.received(5_000);
      assert.deepEqual(right.bytes(), pattern(5_000));
    });

    withPair('an end before open is reported after it, once', async ({ a, b }) => {
      const left = new Recorder(a);
      a.send(pattern(1_000));
      a.close();
      await left.closed();
      const right = new Recorder(b);
      assert.equal(right.calls, 0);
      await right.closed();
      assert.deepEqual(right.bytes(), pattern(1_000));
    });

    withPair('send returns false when the connection is full, and drain follows', async ({ a, b }) => {
      const left = new Recorder(a);
      const right = new Recorder(b);
      let sent = 0;
      do sent += 32 * 1024;
      while (a.send(new Uint8Array(32 * 1024)) && sent < 64 * MEBIBYTE);
      assert.ok(sent < 64 * MEBIBYTE, 'send never returned false');
      await left.drained();
      await right.received(sent);
    });

    withPair(
      'a busy reader receives nothing more until it is done, and its writer is held back',
      async ({ a, b }, context) => {
        if (a.flow === 'none') return context.skip('a reader cannot hold the writer back');
        const left = new Recorder(a);
        const done = Promise.withResolvers<void>();
        const right = new Recorder(b, () => done.promise);
        const limit = 64 * MEBIBYTE;
        const sent = await left.sendUntilStalled(limit);
        assert.ok(sent < limit, 'the writer was not held back');
        assert.equal(right.calls, 1);
        done.resolve();
        await right.received(sent);
      },
    );

    withPair('8 MiB arrive complete if the writer waits for drain', async ({ a, b }) => {
      const left = new Recorder(a);
      const right = new Recorder(b);
      const piece = pattern(128 * 1024);
      for (let sent = 0; sent < 8 * MEBIBYTE; sent += piece.length) {
        if (!a.send(piece)) await left.drained();
      }
      await right.received(8 * MEBIBYTE);
      const all = right.bytes();
      for (let from = 0; from < all.length; from += piece.length) {
        assert.ok(Buffer.from(piece).equals(all.subarray(from, from + piece.length)), `piece at ${from}`);
      }
    });

    withPair('a send that is larger than the transport takes at once arrives complete', async ({ a, b }) => {
      new Recorder(a);
      const right = new Recorder(b);
      const sent = pattern(3 * MEBIBYTE + 1);
      a.send(sent);
      await right.received(sent.length);
      assert.ok(Buffer.from(sent).equals(right.bytes()));
    });

    withPair('close flushes, then ends both sides once without an error', async ({ a, b }) => {
      const [left, right] = [new Recorder(a), new Recorder(b)];
      a.send(pattern(200_000));
      a.close();
      a.close();
      await Promise.all([left.closed(), right.closed()]);
      assert.equal(right.bytes().length, 200_000);
      b.close();
      await turn();
      assert.deepEqual([left.closes, right.closes], [1, 1]);
      assert.deepEqual([left.error, right.error], [undefined, undefined]);
    });

    withPair('both sides may close at once', async ({ a, b }) => {
      const [left, right] = [new Recorder(a), new Recorder(b)];
      a.close();
      b.close();
      await Promise.all([left.closed(), right.closed()]);
      await turn();
      assert.deepEqual([left.closes, right.closes], [1, 1]);
    });

    withPair('close calls no handler itself, and afterwards only the close handler', async ({ a, b }) => {
      const [left, right] = [new Recorder(a), new Recorder(b)];
      b.send(pattern(1_000));
      a.close();
      assert.equal(left.calls, 0);
      await Promise.all([left.closed(), right.closed()]);
      assert.equal(left.calls, 1);
    });

    withPair('send after the end does nothing and returns false', async ({ a, b }) => {
      const [left, right] = [new Recorder(a), new Recorder(b)];
      a.close();
      assert.equal(a.send(pattern(10)), false);
      await Promise.all([left.closed(), right.closed()]);
      assert.equal(a.send(pattern(10)), false);
      assert.equal(b.send(pattern(10)), false);
      assert.equal(right.bytes().length, 0);
    });

    withPair('opening twice is refused', async ({ a }) => {
      new Recorder(a);
      assert.throws(() => new Recorder(a), { code: 'INTERNAL' });
    });

    withPair('a peer that vanishes is reported by close, once', async ({ a, b, vanish }, context) => {
      if (vanish === undefined) return context.skip('this transport has no socket that could vanish');
      const [left, right] = [new Recorder(a), new Recorder(b)];
      a.send(pattern(10));
      await right.received(10);
      vanish();
      await Promise.all([left.closed(), right.closed()]);
      assert.equal(a.send(pattern(10)), false);
      await turn();
      assert.deepEqual([left.closes, right.closes], [1, 1]);
    });

    withPair('a peer that does not read costs a bounded amount of memory', async ({ a, b }) => {
      const left = new Recorder(a);
      if (a.flow === 'none') {
        // Nothing holds this writer back, so the reader ends the connection.
        for (let sent = 0; left.closes === 0 && sent < 64 * HELD_BYTES_MAX; sent += 65_536) {
          if (!a.send(new Uint8Array(65_536))) await Promise.race([left.drained(), left.closed()]);
        }
        const right = new Recorder(b);
        await Promise.all([left.closed(), right.closed()]);
        assert.ok(right.bytes().length <= HELD_BYTES_MAX);
        return;
      }
      const sent = await left.sendUntilStalled(64 * MEBIBYTE);
      assert.ok(sent < 64 * MEBIBYTE, 'the writer was never held back');
      const right = new Recorder(b);
      await Promise.all([left.drained(), right.received(sent)]);
    });
  });
}

/** Resolves after one turn of the event loop. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

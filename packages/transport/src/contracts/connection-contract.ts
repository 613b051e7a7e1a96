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
  /** Destroys what lies beneath `b`, as when its process dies; absent where nothing lies beneath. */
  readonly vanish?: (() => void) | undefined;
  /** Releases everything. */
  close(): Promise<void>;
}

const MEBIBYTE = 1024 * 1024;

export interface ContractOptions {
  /** The transport carries text in UTF-8, and no other bytes. */
  readonly isText?: boolean | undefined;
  /** What this transport cannot do: the title of a test, and why. */
  readonly skips?: Readonly<Record<string, string>> | undefined;
}

/** What every transport's connections must do. */
export function connectionContract(
  name: string,
  makePair: () => Promise<ConnectionPair>,
  { isText = false, skips = {} }: ContractOptions = {},
): void {
  /** Bytes that differ from place to place. */
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

    withPair('one end has dialled, the other has not, and both say the same of flow', async ({ a, b }) => {
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

    withPair('what arrives before open is held, and delivered after it, not within', async ({ a, b }) => {
      const left = new Recorder(a);
      b.send(pattern(10));
      await left.received(10);
      a.send(pattern(5_000));
      // The answer to a second message of b tells that the first has long been on its way.
      b.send(pattern(10));
      await left.received(20);
      const right = new Recorder(b);
      assert.equal(right.calls, 0);
      await right.received(5_000);
      assert.deepEqual(right.bytes(), pattern(5_000));
    });

    withPair('an end that came before open is told after it, once', async ({ a, b }) => {
      const left = new Recorder(a);
      a.send(pattern(1_000));
      a.close();
      await left.closed();
      const right = new Recorder(b);
      assert.equal(right.calls, 0);
      await right.closed();
      assert.deepEqual(right.bytes(), pattern(1_000));
    });

    withPair('send answers false when it is full, and drain follows', async ({ a, b }) => {
      const left = new Recorder(a);
      const right = new Recorder(b);
      let sent = 0;
      do sent += 32 * 1024;
      while (a.send(new Uint8Array(32 * 1024)) && sent < 64 * MEBIBYTE);
      assert.ok(sent < 64 * MEBIBYTE, 'send never answered false');
      await left.drained();
      await right.received(sent);
    });

    withPair(
      'a reader that is busy gets no more until it is done, and its writer is held back',
      async ({ a, b }, context) => {
        if (a.flow === 'none') return context.skip('its reader cannot hold its writer back');
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

    withPair('8 MiB arrive whole where the writer waits for drain', async ({ a, b }) => {
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

    withPair('a send larger than the transport takes at once arrives whole', async ({ a, b }) => {
      new Recorder(a);
      const right = new Recorder(b);
      const sent = pattern(3 * MEBIBYTE + 1);
      a.send(sent);
      await right.received(sent.length);
      assert.ok(Buffer.from(sent).equals(right.bytes()));
    });

    withPair('close flushes first, and ends both sides once without an error', async ({ a, b }) => {
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

    withPair('close calls no handler within it, and nothing but close after it', async ({ a, b }) => {
      const [left, right] = [new Recorder(a), new Recorder(b)];
      b.send(pattern(1_000));
      a.close();
      assert.equal(left.calls, 0);
      await Promise.all([left.closed(), right.closed()]);
      assert.equal(left.calls, 1);
    });

    withPair('sending after the end does nothing and answers false', async ({ a, b }) => {
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
      if (vanish === undefined) return context.skip('nothing lies beneath this transport that could vanish');
      const [left, right] = [new Recorder(a), new Recorder(b)];
      a.send(pattern(10));
      await right.received(10);
      vanish();
      await Promise.all([left.closed(), right.closed()]);
      assert.equal(a.send(pattern(10)), false);
      await turn();
      assert.deepEqual([left.closes, right.closes], [1, 1]);
    });

    withPair('a peer that reads nothing costs a bounded amount of memory', async ({ a, b }) => {
      const left = new Recorder(a);
      if (a.flow === 'none') {
        // Nothing holds this writer back: the reader lets go of it.
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

/** Lets whatever is due happen. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Connection, type ConnectionHandlers, CONSUMER_STALL_MS } from '@shoal/transport';
import { holdBack } from './held-back.ts';

/** A connection whose buffer is full or not, as the test says. */
class FullConnection implements Connection {
  readonly remote = { transport: 'memory', address: 'memory', initiator: false } as const;
  readonly flow = 'transport';
  handlers: ConnectionHandlers | undefined;
  isFull = true;
  isClosed = false;

  open(handlers: ConnectionHandlers): void {
    this.handlers = handlers;
  }

  send(): boolean {
    return !this.isFull;
  }

  close(): void {
    this.isClosed = true;
  }
}

function open(): { full: FullConnection; held: Connection } {
  const full = new FullConnection();
  const held = holdBack(full);
  held.open({ data: () => undefined, drain: () => undefined, close: () => undefined });
  return { full, held };
}

test('a peer is not read while it does not read, and is read again once it does', async () => {
  const { full, held } = open();
  const bytes = new Uint8Array(1);
  assert.equal(full.handlers?.data(bytes), undefined);
  held.send(bytes);
  const busy = full.handlers?.data(bytes);
  assert.ok(busy instanceof Promise);
  full.handlers?.drain();
  await busy;
  assert.equal(full.handlers?.data(bytes), undefined);
  held.send(bytes);
  full.handlers?.close();
});

test('one that never reads is dropped', (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const { full, held } = open();
  held.send(new Uint8Array(1));
  context.mock.timers.tick(CONSUMER_STALL_MS - 1);
  assert.equal(full.isClosed, false);
  context.mock.timers.tick(1);
  assert.equal(full.isClosed, true);
});

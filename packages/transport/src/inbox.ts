import { ShoalError } from '@shoal/protocol';
import type { ConnectionHandlers } from './connection.ts';

/** What a connection holds for its owner before `open`, where the transport cannot be told to wait. */
export const HELD_BYTES_MAX = 256 * 1024;

/**
 * A connection's receiving half. It keeps the promises that every transport gives: what came before `open` is held
 * and delivered after it, never within; `close` is the last call and comes once.
 */
export class Inbox {
  readonly #maxHeldBytes: number;
  readonly #hold: ((until: Promise<void>) => void) | undefined;
  #handlers: ConnectionHandlers | undefined;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #drainIsDue = false;
  #delivers = false;
  #isMuted = false;
  #end: { readonly error: Error | undefined } | undefined;

  /**
   * `maxHeldBytes` is `Infinity` where the transport itself waits for `open`; `hold` keeps the transport from reading, where
   * it can do that.
   */
  constructor(maxHeldBytes: number, hold?: (until: Promise<void>) => void) {
    this.#maxHeldBytes = maxHeldBytes;
    this.#hold = hold;
  }

  open(handlers: ConnectionHandlers): void {
    if (this.#handlers !== undefined) throw new ShoalError('INTERNAL', 'A connection was opened twice.');
    this.#handlers = handlers;
    queueMicrotask(() => this.#deliverHeld(handlers));
  }

  /** False when these bytes would pass the cap: they are dropped, and the connection has to go. */
  push(bytes: Uint8Array): boolean {
    if (this.#isMuted || this.#end !== undefined) return true;
    if (this.#delivers) {
      this.#deliver(bytes);
      return true;
    }
    if (this.#heldBytes + bytes.byteLength > this.#maxHeldBytes) return false;
    this.#held.push(bytes);
    this.#heldBytes += bytes.byteLength;
    return true;
  }

  drain(): void {
    if (this.#isMuted || this.#end !== undefined) return;
    if (this.#delivers) this.#handlers?.drain();
    else this.#drainIsDue = true;
  }

  /** After our own `close` nothing but the `close` event is wanted any more. */
  mute(): void {
    this.#isMuted = true;
    this.#held = [];
    this.#heldBytes = 0;
  }

  end(error?: Error): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    if (this.#delivers) this.#handlers?.close(error);
  }

  #deliver(bytes: Uint8Array): void {
    const busy = this.#handlers?.data(bytes);
    if (busy !== undefined) this.#hold?.(busy);
  }

  #deliverHeld(handlers: ConnectionHandlers): void {
    for (let bytes = this.#held.shift(); bytes !== undefined; bytes = this.#held.shift()) this.#deliver(bytes);
    this.#heldBytes = 0;
    this.#delivers = true;
    if (this.#drainIsDue && !this.#isMuted && this.#end === undefined) handlers.drain();
    if (this.#end !== undefined) handlers.close(this.#end.error);
  }
}

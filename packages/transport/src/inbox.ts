import { ShoalError } from '@shoal/protocol/error';
import type { ConnectionHandlers } from './connection.ts';

/** Bytes that a connection holds before `open` if its transport cannot be paused. */
export const HELD_BYTES_MAX = 256 * 1024;

/**
 * The receiving half of a connection. It guarantees for every transport that bytes from before `open` are held and delivered
 * after it, never within it, and that `close` is the last call and comes once.
 */
export class Inbox {
  readonly #maxHeldBytes: number;
  readonly #holdBack: ((until: Promise<void>) => void) | undefined;
  #handlers: ConnectionHandlers | undefined;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #drainIsDue = false;
  #delivers = false;
  #isMuted = false;
  #end: { readonly error: Error | undefined } | undefined;

  /**
   * `maxHeldBytes` is `Infinity` if the transport itself waits for `open`. `holdBack` stops the transport from reading;
   * undefined if it cannot.
   */
  constructor(maxHeldBytes: number, holdBack?: (until: Promise<void>) => void) {
    this.#maxHeldBytes = maxHeldBytes;
    this.#holdBack = holdBack;
  }

  open(handlers: ConnectionHandlers): void {
    if (this.#handlers !== undefined) throw new ShoalError('INTERNAL', 'A connection was opened twice.');
    this.#handlers = handlers;
    queueMicrotask(() => this.#deliverHeld(handlers));
  }

  /** Returns false if the bytes would exceed the cap: they are dropped, and the caller must end the connection. */
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

  /** So many bytes of a message are stored that is not complete. */
  undelivered(bytes: number): void {
    if (this.#isMuted || this.#end !== undefined || !this.#delivers) return;
    const busy = this.#handlers?.undelivered?.(bytes);
    if (busy !== undefined) this.#holdBack?.(busy);
  }

  drain(): void {
    if (this.#isMuted || this.#end !== undefined) return;
    if (this.#delivers) this.#handlers?.drain();
    else this.#drainIsDue = true;
  }

  /** Drops everything but the `close` event. Called when this end closes. */
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
    if (busy !== undefined) this.#holdBack?.(busy);
  }

  #deliverHeld(handlers: ConnectionHandlers): void {
    for (let bytes = this.#held.shift(); bytes !== undefined; bytes = this.#held.shift()) this.#deliver(bytes);
    this.#heldBytes = 0;
    this.#delivers = true;
    if (this.#drainIsDue && !this.#isMuted && this.#end === undefined) handlers.drain();
    if (this.#end !== undefined) handlers.close(this.#end.error);
  }
}

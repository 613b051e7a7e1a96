import { type InferenceEvent, isTerminal } from '@shoal/protocol';
import type { InferenceRequest } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import type { Remote } from '../connection.ts';

/** A peer that reads nothing of an answer for this long loses it: the answer ends with `GENERATION_ABORTED`. */
export const CONSUMER_STALL_MS = 10_000;

/** A request of the peer, and the means to answer it. */
export interface Exchange {
  /** The session's id of the request. */
  readonly id: number;
  readonly request: InferenceRequest;
  /** The peer. Undefined for an exchange that is no prompt of a peer. */
  readonly remote?: Remote | undefined;
  /** True if nothing more can be sent: the answer is complete, the peer has cancelled the request, or it is gone. */
  readonly ended: boolean;
  /**
   * Sends one event and resolves once the peer has room for the next, so that a slow reader slows the engine down. A `finish`
   * itself waits for room. Resolves with false if nothing more can be sent.
   */
  send(event: InferenceEvent): Promise<boolean>;
  /** Adds a listener, called once if the peer cancels the request, is gone, or has no room for `CONSUMER_STALL_MS`. */
  onAbort(listener: (reason: ShoalError) => void): void;
}

/** The parts of a link that an exchange uses. */
export interface ExchangePort {
  readonly remote: Remote;
  /** True while the connection has no room. */
  isFull(): boolean;
  /** Bytes of this answer that the peer accepts now. */
  credit(id: number): number;
  respond(id: number, event: InferenceEvent): void;
  /** Called once, when the exchange has ended. */
  ended(id: number): void;
}

/** An exchange over a link. */
export class LinkExchange implements Exchange {
  readonly id: number;
  readonly request: InferenceRequest;
  readonly #port: ExchangePort;
  readonly #abortListeners: ((reason: ShoalError) => void)[] = [];
  #ended = false;
  /** The event that waits for room. */
  #waiting: { readonly hasRoom: () => boolean; readonly stop: (hasRoom: boolean) => void } | undefined;

  constructor(id: number, request: InferenceRequest, port: ExchangePort) {
    this.id = id;
    this.request = request;
    this.#port = port;
  }

  get remote(): Remote {
    return this.#port.remote;
  }

  get ended(): boolean {
    return this.#ended;
  }

  async send(event: InferenceEvent): Promise<boolean> {
    if (this.#ended) return false;
    // A peer that does not read would be sent one position after the other. It gets a later one.
    if (event.type === 'queued' && this.#port.isFull()) return true;
    if (event.type === 'finish' && !(await this.#roomWhen(() => !this.#port.isFull()))) return false;
    this.#port.respond(this.id, event);
    if (isTerminal(event)) this.#end();
    if (this.#ended) return false;
    return !isPiece(event) || this.#roomWhen(() => this.#hasRoom);
  }

  onAbort(listener: (reason: ShoalError) => void): void {
    this.#abortListeners.push(listener);
  }

  abort(reason: ShoalError): void {
    if (this.#ended) return;
    this.#end();
    for (const listener of this.#abortListeners) listener(reason);
  }

  resume(): void {
    if (this.#waiting?.hasRoom() === true) this.#waiting.stop(true);
  }

  get #hasRoom(): boolean {
    return !this.#port.isFull() && this.#port.credit(this.id) > 0;
  }

  /** An event that waits for room does not wait on: the peer may never read, and the engine's slot would be lost. */
  #end(): void {
    this.#ended = true;
    this.#waiting?.stop(false);
    this.#port.ended(this.id);
  }

  /** Waits until `hasRoom` returns true; false if the answer has ended before. One event waits at a time. */
  #roomWhen(hasRoom: () => boolean): Promise<boolean> | boolean {
    if (hasRoom()) return true;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#stalled(), CONSUMER_STALL_MS);
      const stop = (isThereRoom: boolean): void => {
        clearTimeout(timer);
        this.#waiting = undefined;
        resolve(isThereRoom);
      };
      this.#waiting = { hasRoom, stop };
    });
  }

  #stalled(): void {
    const error = ShoalError.aborted(`The peer read nothing of the answer for ${CONSUMER_STALL_MS / 1000} s.`);
    this.#port.respond(this.id, { type: 'error', error });
    this.abort(error);
  }
}

/** True for the events of an answer that carry a part of its content. */
export function isPiece({ type }: InferenceEvent): boolean {
  return type === 'text' || type === 'reasoning' || type === 'tool_call' || type === 'embedding';
}

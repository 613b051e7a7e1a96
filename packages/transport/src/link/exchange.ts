import { type InferenceEvent, type InferenceRequest, isTerminal, ShoalError } from '@shoal/protocol';

/** A peer that reads nothing of an answer for this long loses it: the answer ends with `GENERATION_ABORTED`. */
export const CONSUMER_STALL_MS = 10_000;

/** One request that the peer made, and the way to answer it. */
export interface Exchange {
  /** What the session calls it. */
  readonly id: number;
  readonly request: InferenceRequest;
  /** Whether nothing more can be said: the answer is complete, the peer took the request back, or it is gone. */
  readonly ended: boolean;
  /**
   * Says one event and resolves once the peer has room for the next, so that a slow reader slows the engine down; a `finish`
   * waits for room itself. Resolves with false when nothing more can be said.
   */
  send(event: InferenceEvent): Promise<boolean>;
  /** Called once if the peer takes the request back, is gone, or takes nothing for `CONSUMER_STALL_MS`. */
  onAbort(listener: (why: ShoalError) => void): void;
}

/** The parts of a link that an exchange uses. */
export interface ExchangePort {
  /** True while the connection takes no more. */
  isFull(): boolean;
  /** Bytes of this answer that the peer still lets come. */
  credit(id: number): number;
  respond(id: number, event: InferenceEvent): void;
  /** Called once, when the exchange has ended. */
  ended(id: number): void;
}

export class LinkExchange implements Exchange {
  readonly id: number;
  readonly request: InferenceRequest;
  readonly #port: ExchangePort;
  readonly #abortListeners: ((why: ShoalError) => void)[] = [];
  #ended = false;
  /** The event that waits for room. */
  #waiting: { readonly isOver: () => boolean; readonly stop: (goesOn: boolean) => void } | undefined;

  constructor(id: number, request: InferenceRequest, port: ExchangePort) {
    this.id = id;
    this.request = request;
    this.#port = port;
  }

  get ended(): boolean {
    return this.#ended;
  }

  async send(event: InferenceEvent): Promise<boolean> {
    if (this.#ended) return false;
    if (event.type === 'finish' && !(await this.#until(() => !this.#port.isFull()))) return false;
    this.#port.respond(this.id, event);
    if (isTerminal(event)) this.#end();
    if (this.#ended) return false;
    return !isPiece(event) || this.#until(() => this.#hasRoom);
  }

  onAbort(listener: (why: ShoalError) => void): void {
    this.#abortListeners.push(listener);
  }

  abort(why: ShoalError): void {
    if (this.#ended) return;
    this.#end();
    this.#waiting?.stop(false);
    for (const listener of this.#abortListeners) listener(why);
  }

  resume(): void {
    if (this.#waiting?.isOver() === true) this.#waiting.stop(true);
  }

  get #hasRoom(): boolean {
    return !this.#port.isFull() && this.#port.credit(this.id) > 0;
  }

  #end(): void {
    this.#ended = true;
    this.#port.ended(this.id);
  }

  /** Waits until the peer has read enough; false where the answer has ended meanwhile. One event waits at a time. */
  #until(isOver: () => boolean): Promise<boolean> | boolean {
    if (isOver()) return true;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#stalled(), CONSUMER_STALL_MS);
      const stop = (goesOn: boolean): void => {
        clearTimeout(timer);
        this.#waiting = undefined;
        resolve(goesOn);
      };
      this.#waiting = { isOver, stop };
    });
  }

  #stalled(): void {
    const error = ShoalError.aborted(`Nothing of the answer was taken for ${CONSUMER_STALL_MS / 1000} s.`);
    this.#port.respond(this.id, { type: 'error', error });
    this.abort(error);
  }
}

/** True for the events of an answer that carry a part of its content. */
export function isPiece({ type }: InferenceEvent): boolean {
  return type === 'text' || type === 'tool_call' || type === 'embedding';
}

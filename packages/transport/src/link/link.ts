import {
  type InferenceEvent,
  type InferenceRequest,
  isTerminal,
  type Output,
  type PeerInfo,
  type Session,
  ShoalError,
  type UploadStep,
} from '@shoal/protocol';
import { monotonicNow } from '#clock';
import { Answer } from './answer.ts';
import type { Connection } from '../connection.ts';

/** A peer that takes nothing of an answer for this long loses it. */
export const CONSUMER_STALL_MS = 10_000;

/** What may wait for a peer that reads nothing, beside its answers: those wait for room, or are not made. */
export const UNSENT_BYTES_MAX = 4 * 1024 * 1024;
/** What a waiting message costs beside its bytes, roughly: thousands of small ones are a large one. */
const UNSENT_OVERHEAD_BYTES = 256;

export interface LinkHandlers {
  /** The peer said who it is, or how it fares. */
  peer(peer: PeerInfo): void;
  /** The peer asks for an answer. */
  request(exchange: Exchange): void;
  /**
   * The peer sends us a model; its result is told by the session's `respond`. Where the handler answers with a promise, the
   * peer is held back until that has resolved; it may not reject.
   */
  upload?(id: number, step: UploadStep): void | Promise<void>;
  /** The last call, exactly once; by then every answer and exchange of this link has ended. */
  close(error?: Error): void;
}

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

/**
 * Drives a session over a connection: bytes one way, outputs the other, one timer for what the session waits for.
 * The only place where protocol state meets I/O.
 */
export class Link<Protocol extends Session = Session> {
  readonly connection: Connection;
  readonly session: Protocol;
  readonly #handlers: LinkHandlers;
  readonly #answers = new Map<number, Answer>();
  readonly #exchanges = new Map<number, LinkExchange>();
  readonly #waitingForRoom = new Set<() => void>();
  #lastId = 0;
  #isFull = false;
  #unsentBytes = 0;
  /** What the handlers are busy with since the last bytes came. */
  #busy: Promise<void> | undefined;
  #isHeld = false;
  #isClosed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt = Infinity;

  constructor(connection: Connection, session: Protocol, handlers: LinkHandlers) {
    this.connection = connection;
    this.session = session;
    this.#handlers = handlers;
  }

  /** Requests of ours that the peer has not answered to the end. */
  get openAnswers(): number {
    return this.#answers.size;
  }

  /** Call once: greets and begins to read. */
  start(): void {
    this.connection.open({
      data: (bytes) => this.#receive(bytes),
      drain: () => this.#drain(),
      close: (error) => this.#closed(error),
    });
    this.apply(this.session.start(monotonicNow()));
  }

  /**
   * Asks the peer. The answer yields events with exactly one terminal one; leaving its loop takes the request back.
   * Throws `ShoalError` where the dialect cannot carry the request.
   */
  ask(request: InferenceRequest): Answer {
    return this.begin((id, now) => this.session.ask(id, request, now));
  }

  /** The same for whatever else the dialect answers with events: `start` says it, under the id that it is given. */
  begin(start: (id: number, now: number) => Output[]): Answer {
    if (this.#isClosed) throw ShoalError.workerLost('The connection has closed.');
    const id = (this.#lastId += 1);
    const outputs = start(id, monotonicNow());
    const answer = new Answer({
      consumed: (bytes) => this.apply(this.session.consumed(id, bytes)),
      abandon: () => this.apply(this.session.abort(id)),
    });
    this.#answers.set(id, answer);
    // Our own asking is our own affair: only what a peer makes us say is held against it.
    this.#applyUnbounded(outputs);
    return answer;
  }

  /** Resolves once the connection takes more, with false where it has closed. */
  async room(): Promise<boolean> {
    while (this.#isFull && !this.#isClosed) await new Promise<void>((resolve) => this.#waitingForRoom.add(resolve));
    return !this.#isClosed;
  }

  close(): void {
    this.connection.close();
    this.#closed();
  }

  /** Carries out what the session wants done. */
  apply(outputs: readonly Output[]): void {
    for (const output of outputs) this.#carryOut(output);
    this.#schedule();
  }

  /** For `LinkExchange`: whether the connection takes more right now. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /**
   * For `LinkExchange`: says one event of the answer to `id`. Its texts and its end have waited for room; anything else may
   * not pile up at a peer that reads nothing.
   */
  respond(id: number, event: InferenceEvent): void {
    const outputs = this.session.respond(id, event, monotonicNow());
    if (isPiece(event) || event.type === 'finish') this.#applyUnbounded(outputs);
    else this.apply(outputs);
  }

  #applyUnbounded(outputs: readonly Output[]): void {
    for (const output of outputs) {
      if (output.type === 'send') this.#write(output.bytes);
      else this.#carryOut(output);
    }
    this.#schedule();
  }

  #receive(bytes: Uint8Array): Promise<void> | undefined {
    this.apply(this.session.receive(bytes, monotonicNow()));
    const busy = this.#busy;
    this.#busy = undefined;
    if (busy === undefined || this.connection.flow === 'none') return undefined;
    this.#isHeld = true;
    this.#schedule();
    return busy.then(() => this.#resumed());
  }

  /** The peer was held back until now: what it did not say meanwhile is our doing. */
  #resumed(): void {
    this.#isHeld = false;
    if (this.#isClosed) return;
    this.apply(this.session.resumed(monotonicNow()));
  }

  #carryOut(output: Output): void {
    switch (output.type) {
      case 'send':
        return this.#say(output.bytes);
      case 'peer':
        return this.#handlers.peer(output.peer);
      case 'request': {
        const exchange = new LinkExchange(this, output.id, output.request, () => this.#exchanges.delete(output.id));
        this.#exchanges.set(output.id, exchange);
        return this.#handlers.request(exchange);
      }
      case 'upload':
        return this.#upload(output.id, output.step);
      case 'abort':
        return this.#exchanges.get(output.id)?.abort(ShoalError.aborted('Whoever asked took the request back.'));
      case 'credit':
        return this.#exchanges.get(output.id)?.resume();
      case 'event':
        this.#answers.get(output.id)?.push(output.event, output.bytes);
        if (isTerminal(output.event)) this.#answers.delete(output.id);
        return;
      case 'close':
        this.connection.close();
        return this.#closed(output.error);
      default:
        return output satisfies never;
    }
  }

  #write(bytes: Uint8Array): void {
    if (!this.connection.send(bytes)) this.#isFull = true;
  }

  #say(bytes: Uint8Array): void {
    if (this.#isFull) this.#unsentBytes += bytes.length + UNSENT_OVERHEAD_BYTES;
    this.#write(bytes);
    if (this.#unsentBytes <= UNSENT_BYTES_MAX) return;
    this.connection.close();
    this.#closed(new ShoalError('OVERLOADED', 'The peer reads nothing of what it makes us say.'));
  }

  #upload(id: number, step: UploadStep): void {
    const busy = this.#handlers.upload?.(id, step);
    if (busy === undefined) return;
    const before = this.#busy;
    this.#busy = before === undefined ? busy : before.then(() => busy);
  }

  #drain(): void {
    this.#isFull = false;
    this.#unsentBytes = 0;
    this.#wakeWaiting();
    for (const exchange of this.#exchanges.values()) exchange.resume();
  }

  #closed(error?: Error): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.apply(this.session.end());
    this.#wakeWaiting();
    this.#handlers.close(error);
  }

  #wakeWaiting(): void {
    for (const wake of this.#waitingForRoom) wake();
    this.#waitingForRoom.clear();
  }

  #schedule(): void {
    // While we hold the peer back its time stands still.
    const wakeAt = this.#isClosed || this.#isHeld ? Infinity : this.session.wakeAt;
    if (wakeAt === this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = wakeAt;
    if (wakeAt === Infinity) return;
    this.#timer = setTimeout(
      () => {
        this.#timerAt = Infinity;
        this.apply(this.session.tick(monotonicNow()));
      },
      Math.max(0, wakeAt - monotonicNow()),
    );
  }
}

class LinkExchange implements Exchange {
  readonly id: number;
  readonly request: InferenceRequest;
  readonly #link: Link;
  readonly #forget: () => void;
  readonly #abortListeners: ((why: ShoalError) => void)[] = [];
  #ended = false;
  /** The event that waits for room. */
  #waiting: { readonly isOver: () => boolean; readonly stop: (goesOn: boolean) => void } | undefined;

  constructor(link: Link, id: number, request: InferenceRequest, forget: () => void) {
    this.#link = link;
    this.id = id;
    this.request = request;
    this.#forget = forget;
  }

  get ended(): boolean {
    return this.#ended;
  }

  async send(event: InferenceEvent): Promise<boolean> {
    if (this.#ended) return false;
    if (event.type === 'finish' && !(await this.#until(() => !this.#link.isFull))) return false;
    this.#link.respond(this.id, event);
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
    return !this.#link.isFull && this.#link.session.credit(this.id) > 0;
  }

  #end(): void {
    this.#ended = true;
    this.#forget();
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
    this.#link.respond(this.id, { type: 'error', error });
    this.abort(error);
  }
}

function isPiece({ type }: InferenceEvent): boolean {
  return type === 'text' || type === 'tool_call' || type === 'embedding';
}

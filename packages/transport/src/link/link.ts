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
import { type Exchange, type ExchangePort, isPiece, LinkExchange } from './exchange.ts';
import { Outbox } from './outbox.ts';

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
  readonly #outbox: Outbox;
  readonly #exchangePort: ExchangePort = {
    isFull: () => this.#outbox.isFull,
    credit: (id) => this.session.credit(id),
    respond: (id, event) => this.#respond(id, event),
    ended: (id) => this.#exchanges.delete(id),
  };
  #lastId = 0;
  /** What the handlers are busy with since the last bytes came. */
  #busy: Promise<void> | undefined;
  #isHeld = false;
  #isClosed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt = Infinity;

  constructor(connection: Connection, session: Protocol, handlers: LinkHandlers) {
    this.connection = connection;
    this.#outbox = new Outbox(connection);
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
  room(): Promise<boolean> {
    return this.#outbox.room();
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

  /**
   * Says one event of the answer to `id`. Its texts and its end have waited for room; anything else may not pile up at a
   * peer that reads nothing.
   */
  #respond(id: number, event: InferenceEvent): void {
    const outputs = this.session.respond(id, event, monotonicNow());
    if (isPiece(event) || event.type === 'finish') this.#applyUnbounded(outputs);
    else this.apply(outputs);
  }

  #applyUnbounded(outputs: readonly Output[]): void {
    for (const output of outputs) {
      if (output.type === 'send') this.#outbox.send(output.bytes);
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
        const exchange = new LinkExchange(output.id, output.request, this.#exchangePort);
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

  #say(bytes: Uint8Array): void {
    if (this.#outbox.sendBounded(bytes)) return;
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
    this.#outbox.drained();
    for (const exchange of this.#exchanges.values()) exchange.resume();
  }

  #closed(error?: Error): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.apply(this.session.end());
    this.#outbox.close();
    this.#handlers.close(error);
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

import { type InferenceEvent, isTerminal, type Output, type PeerInfo, type Session } from '@shoal/protocol';
import type { InferenceRequest } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import { AnswerStream } from './answer-stream.ts';
import type { Connection } from '../connection.ts';
import { type ConnectionBudget, defaultDoor, type DoorBudget } from '../budget/index.ts';
import { type Exchange, type ExchangePort, isPiece, LinkExchange } from './exchange.ts';
import { Intake } from './intake.ts';
import { Outbox } from './outbox.ts';
import { SessionClock } from './session-clock.ts';
import { counterOf, type TrafficCounter } from '../traffic.ts';

export interface LinkHandlers<Extension = never> {
  /** The peer has sent its hello or its status. */
  peer(peer: PeerInfo): void;
  /** The peer has sent a request. */
  request(exchange: Exchange): void;
  /**
   * An event of the dialect's extension. If the handler returns a promise, nothing more is read from the peer until that
   * has resolved; it may not reject.
   */
  extension?(event: Extension): void | Promise<void>;
  /** The last call, exactly once. Every answer and exchange of this link has ended before. */
  close(error?: Error): void;
}

/** The memory of a request for each byte of its message. The most measured for a long one is 4.1, a list of small numbers. */
const REQUEST_BYTES_PER_BYTE = 8;
/** The memory of a request and its answer beside that. */
const REQUEST_OVERHEAD_BYTES = 16 * 1024;

/** A way to send requests to a worker. */
export interface RequestLink {
  readonly connection: Pick<Connection, 'remote'>;
  /** Requests whose answers are not complete. */
  readonly openAnswers: number;
  /** Throws `ShoalError` if the request cannot be sent. */
  ask(request: InferenceRequest): AnswerStream;
}

/**
 * Drives a session over a connection: received bytes go in, outputs are carried out, and one timer calls `tick`. The only
 * place where protocol state meets I/O.
 */
export class Link<Protocol extends Session<Extension> = Session, Extension = never> {
  readonly connection: Connection;
  readonly session: Protocol;
  readonly #handlers: LinkHandlers<Extension>;
  readonly #clock = new SessionClock();
  readonly #answers = new Map<number, AnswerStream>();
  /** With the bytes that each holds in the budget. */
  readonly #exchanges = new Map<number, { readonly exchange: LinkExchange; readonly bytes: number }>();
  readonly #budget: ConnectionBudget;
  readonly #intake: Intake;
  readonly #outbox: Outbox;
  readonly #traffic: TrafficCounter;
  readonly #exchangePort: ExchangePort;
  #lastId = 0;
  /** Promises that extension handlers returned since the last bytes arrived. */
  #unfinished: Promise<void>[] = [];
  #isClosed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt = Infinity;

  /** `door` is the memory and the time that this link shares with others. */
  constructor(
    connection: Connection,
    session: Protocol,
    handlers: LinkHandlers<Extension>,
    door: DoorBudget = defaultDoor,
  ) {
    this.connection = connection;
    this.session = session;
    this.#traffic = counterOf(connection.remote.transport);
    this.#budget = door.connection(connection.remote);
    this.#intake = this.#createIntake();
    this.#outbox = new Outbox(connection, this.#traffic, this.#budget.scope);
    this.#handlers = handlers;
    this.#exchangePort = {
      remote: connection.remote,
      isFull: () => this.#outbox.isFull,
      credit: (id) => this.session.credit(id),
      respond: (id, event) => this.#respond(id, event),
      ended: (id) => this.#exchangeEnded(id),
    };
  }

  /** The time for calls of the session's methods, in milliseconds: it stands still while the peer is not read. */
  now(): number {
    return this.#clock.now();
  }

  /** Requests of this end whose answers are not complete. */
  get openAnswers(): number {
    return this.#answers.size;
  }

  /** Call once: starts the session and begins to read. */
  start(): void {
    this.connection.open({
      data: (bytes) => {
        this.#traffic.received += bytes.byteLength;
        return this.#intake.receive(bytes);
      },
      undelivered: (bytes) => this.#intake.undelivered(bytes),
      drain: () => this.#drain(),
      close: (error) => this.#intake.endAfterRest(error),
    });
    this.apply(this.session.start(this.now()));
  }

  /**
   * Sends a request. The answer yields events, the last of which is terminal; leaving its loop cancels the request. Throws
   * `ShoalError` if the dialect cannot carry the request or the connection has closed.
   */
  ask(request: InferenceRequest): AnswerStream {
    return this.open((id, now) => this.session.ask(id, request, now));
  }

  /** Like `ask`, for anything else that the dialect answers with events: `start` returns the outputs that ask for it. */
  open(start: (id: number, now: number) => Output<Extension>[]): AnswerStream {
    if (this.#isClosed) throw ShoalError.workerLost('The connection has closed.');
    const id = (this.#lastId += 1);
    const outputs = start(id, this.now());
    const answer = new AnswerStream({
      consumed: (bytes) => this.apply(this.session.consumed(id, bytes)),
      abandon: () => this.apply(this.session.abort(id)),
    });
    this.#answers.set(id, answer);
    // Not bounded: the peer did not cause these bytes.
    this.#applyUnbounded(outputs);
    return answer;
  }

  /** Resolves with true once the connection takes more, with false if it has closed. */
  room(): Promise<boolean> {
    return this.#outbox.room();
  }

  close(): void {
    this.connection.close();
    this.#closed();
  }

  /** Carries out outputs of the session. */
  apply(outputs: readonly Output<Extension>[]): void {
    for (const output of outputs) this.#carryOut(output);
    this.#schedule();
  }

  /**
   * Sends one event of the answer to `id`. Content and the end have waited for room. Other events are bounded, because they
   * could pile up at a peer that does not read.
   */
  #respond(id: number, event: InferenceEvent): void {
    const outputs = this.session.respond(id, event, this.now());
    if (isPiece(event) || event.type === 'finish') this.#applyUnbounded(outputs);
    else this.apply(outputs);
  }

  #applyUnbounded(outputs: readonly Output<Extension>[]): void {
    for (const output of outputs) {
      if (output.type === 'send') this.#outbox.send(output.bytes);
      else this.#carryOut(output);
    }
    this.#schedule();
  }

  #createIntake(): Intake {
    const { connection, session } = this;
    return new Intake(
      {
        flow: connection.flow,
        get isCuttable() {
          return session.isCuttable;
        },
        get partialBytes() {
          return session.partialBytes;
        },
        get messageBytesMax() {
          return session.messageBytesMax;
        },
        read: (bytes) => this.#read(bytes),
        holdClock: (isHeld) => this.#holdClock(isHeld),
        now: () => this.now(),
        fail: (error) => this.apply(session.fail(error)),
        ended: (error) => this.#closed(error),
      },
      this.#budget,
    );
  }

  #read(bytes: Uint8Array): Promise<unknown> | undefined {
    this.apply(this.session.receive(bytes, this.now()));
    if (this.#unfinished.length === 0) return undefined;
    const unfinished = this.#unfinished;
    this.#unfinished = [];
    return Promise.all(unfinished);
  }

  /** While the peer is not read, its silence must not count. */
  #holdClock(isHeld: boolean): void {
    if (isHeld) this.#clock.stop();
    else this.#clock.start();
    this.#schedule();
  }

  #carryOut(output: Output<Extension>): void {
    switch (output.type) {
      case 'send':
        return this.#sendBounded(output.bytes);
      case 'peer':
        if (this.session.joinsMessages === true) this.connection.joinMessages?.();
        return this.#handlers.peer(output.peer);
      case 'request':
        return this.#requested(output);
      case 'extension':
        return this.#extension(output.event);
      case 'abort':
        return this.#exchanges.get(output.id)?.exchange.abort(ShoalError.aborted('The peer cancelled the request.'));
      case 'credit':
        return this.#exchanges.get(output.id)?.exchange.resume();
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

  #requested({ id, request, bytes = 0 }: Extract<Output<Extension>, { type: 'request' }>): void {
    const heldBytes = bytes * REQUEST_BYTES_PER_BYTE + REQUEST_OVERHEAD_BYTES;
    if (!this.#budget.scope.reserve(heldBytes)) {
      const error = new ShoalError('OVERLOADED', 'This node has no memory for another request now.');
      return this.#respond(id, { type: 'error', error });
    }
    const exchange = new LinkExchange(id, request, this.#exchangePort);
    this.#exchanges.set(id, { exchange, bytes: heldBytes });
    this.#handlers.request(exchange);
  }

  #exchangeEnded(id: number): void {
    const held = this.#exchanges.get(id);
    if (held === undefined) return;
    this.#exchanges.delete(id);
    this.#budget.scope.release(held.bytes);
  }

  #sendBounded(bytes: Uint8Array): void {
    if (this.#outbox.sendBounded(bytes)) return;
    this.connection.close();
    this.#closed(new ShoalError('OVERLOADED', 'The peer causes replies and does not read them.'));
  }

  #extension(event: Extension): void {
    const handled = this.#handlers.extension?.(event);
    if (handled !== undefined) this.#unfinished.push(handled);
  }

  #drain(): void {
    this.#outbox.drained();
    for (const { exchange } of this.#exchanges.values()) exchange.resume();
  }

  #closed(error?: Error): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#intake.close();
    this.apply(this.session.end());
    this.#outbox.close();
    this.#budget.close();
    this.#handlers.close(error);
  }

  #schedule(): void {
    const wakeAt = this.#isClosed || this.#clock.isStopped ? Infinity : this.session.wakeAt;
    if (wakeAt === this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = wakeAt;
    if (wakeAt === Infinity) return;
    this.#timer = setTimeout(
      () => {
        this.#timerAt = Infinity;
        this.apply(this.session.tick(this.now()));
      },
      Math.max(0, wakeAt - this.now()),
    );
  }
}

import { ShoalError } from '@shoal/protocol/error';
import { type ConnectionBudget, PARTIAL_BYTES_FREE } from '../budget/index.ts';
import type { FrameReader, LargeFrame } from '../budget/large-frames.ts';
import type { TurnReader, UsedTime } from '../budget/turns.ts';
import type { Flow } from '../connection.ts';

/** Bytes are parsed in pieces of at most this size, because a piece of many small messages takes long. */
export const PIECE_BYTES = 16 * 1024;

/** The parts of a link that its intake uses. */
export interface IntakePort {
  readonly flow: Flow;
  /** False if `read` must get one whole message. */
  readonly isCuttable: boolean;
  /** Bytes of the incomplete message that the session stores. */
  readonly partialBytes: number;
  readonly messageBytesMax: number;
  /** Passes bytes to the session. Returns a promise if nothing more may be read before it resolves. */
  read(bytes: Uint8Array): Promise<unknown> | undefined;
  /** Stops the session's clock, or lets it go on. The calls alternate. */
  holdClock(isHeld: boolean): void;
  now(): number;
  fail(error: ShoalError): void;
  /** The connection has ended, and everything that it brought has been read. */
  ended(error: Error | undefined): void;
}

/**
 * The receiving half of a link: passes received bytes to the session in pieces, when it is the peer's turn and there is memory
 * for them. Meanwhile the peer is held back, or, if its transport cannot do that, its bytes wait here within the budget.
 */
export class Intake implements FrameReader, TurnReader {
  readonly #port: IntakePort;
  readonly #budget: ConnectionBudget;
  #receivedBytes = 0;
  readonly #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  /** Bytes that the connection stores for a message that it has not delivered. */
  #undeliveredBytes = 0;
  /** Bytes counted in the budget, without those of `#frame`. */
  #grantedBytes = 0;
  #frame: LargeFrame | undefined;
  /** True while the handler of an extension's event is at work. */
  #isBusy = false;
  /** Lets the transport go on. Undefined while the peer is read. */
  #letGo: (() => void) | undefined;
  #end: { readonly error: Error | undefined } | undefined;
  #isClosed = false;

  constructor(port: IntakePort, budget: ConnectionBudget) {
    this.#port = port;
    this.#budget = budget;
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  get time(): UsedTime {
    return this.#budget.time;
  }

  now(): number {
    return this.#port.now();
  }

  /** Returns a promise if the transport must deliver nothing more before it resolves. */
  receive(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#isClosed) return undefined;
    this.#receivedBytes += bytes.byteLength;
    this.#undeliveredBytes = 0;
    if (this.#waiting.length > 0 || this.#isBlocked || !this.#budget.turns.hasTime) {
      this.#keep(bytes);
    } else {
      const left = this.#readNow(bytes);
      if (left !== undefined) this.#keep(left);
    }
    return this.#proceed();
  }

  /**
   * Call when the connection stores so many bytes of a message that is not complete. Returns a promise if it must read nothing
   * more before that resolves.
   */
  undelivered(bytes: number): Promise<void> | undefined {
    if (this.#isClosed) return undefined;
    this.#receivedBytes += Math.max(0, bytes - this.#undeliveredBytes);
    this.#undeliveredBytes = bytes;
    this.#count();
    return this.#proceed();
  }

  /** Call when the connection has ended: what waits is still read. */
  endAfterRest(error: Error | undefined): void {
    if (this.#isClosed || this.#end !== undefined) return;
    this.#end = { error };
    if (this.#waiting.length === 0) return this.#port.ended(error);
    // The rest is here, so it needs no memory that it does not have.
    this.#endFrame();
    void this.#proceed();
  }

  /** Drops everything. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#waiting.length = 0;
    this.#budget.turns.leave(this);
    this.#endFrame();
    this.#resume();
  }

  step(): void {
    const [bytes] = this.#waiting;
    if (bytes === undefined) return;
    const piece = this.#port.isCuttable ? bytes.subarray(0, PIECE_BYTES) : bytes;
    if (piece.byteLength === bytes.byteLength) this.#waiting.shift();
    else this.#waiting[0] = bytes.subarray(piece.byteLength);
    this.#waitingBytes -= piece.byteLength;
    this.#read(piece);
    void this.#proceed();
  }

  granted(): void {
    this.#count();
    void this.#proceed();
  }

  tooSlow(): void {
    this.#port.fail(new ShoalError('OVERLOADED', 'Other messages wait for memory, and this one arrives too slowly.'));
  }

  /** True while no further byte may be read. */
  get #isBlocked(): boolean {
    return this.#isBusy || this.#frame?.isGranted === false;
  }

  /** Returns the bytes for which this turn has no time. */
  #readNow(bytes: Uint8Array): Uint8Array | undefined {
    if (!this.#port.isCuttable || bytes.byteLength <= PIECE_BYTES) {
      this.#read(bytes);
      return undefined;
    }
    for (let from = 0; from < bytes.byteLength; from += PIECE_BYTES) {
      if (this.#isClosed) return undefined;
      if (this.#isBlocked || !this.#budget.turns.hasTime) return bytes.subarray(from);
      this.#read(bytes.subarray(from, from + PIECE_BYTES));
    }
    return undefined;
  }

  #read(piece: Uint8Array): void {
    const { turns } = this.#budget;
    const begunAt = turns.begin();
    const unfinished = this.#port.read(piece);
    turns.ended(begunAt, this);
    if (this.#isClosed) return;
    if (unfinished !== undefined && this.#port.flow === 'transport') this.#waitFor(unfinished);
    this.#count();
  }

  #waitFor(unfinished: Promise<unknown>): void {
    this.#isBusy = true;
    void unfinished.then(() => {
      this.#isBusy = false;
      if (this.#isClosed) return;
      this.#count();
      void this.#proceed();
    });
  }

  #keep(bytes: Uint8Array): void {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.byteLength;
    this.#count();
  }

  /** Counts what is stored now, and asks for memory for the message that has begun if it is large. */
  #count(): void {
    const partialBytes = Math.max(this.#port.partialBytes, this.#undeliveredBytes);
    const isLarge = partialBytes > PARTIAL_BYTES_FREE;
    // The bytes of a message are needed until its handler is done.
    if (!isLarge && !this.#isBusy) this.#endFrame();
    if (isLarge && this.#frame === undefined && this.#end === undefined) this.#beginFrame(partialBytes);
    if (this.#isClosed) return;
    const isInFrame = this.#frame?.isGranted === true;
    this.#grant(this.#waitingBytes + (isInFrame ? 0 : partialBytes));
  }

  #beginFrame(partialBytes: number): void {
    const { frames, scope } = this.#budget;
    const bytes = Math.max(partialBytes, this.#port.messageBytesMax);
    this.#frame = frames.begin(scope, bytes, this);
    if (this.#frame?.isGranted === true) return;
    if (this.#frame === undefined) {
      return this.#port.fail(new ShoalError('OVERLOADED', `This node has no memory for a message of ${bytes} bytes.`));
    }
    // This peer cannot be held back.
    if (this.#port.flow === 'none') this.#failForMemory();
  }

  #endFrame(): void {
    if (this.#frame !== undefined) this.#budget.frames.end(this.#frame);
    this.#frame = undefined;
  }

  #grant(bytes: number): void {
    const more = bytes - this.#grantedBytes;
    if (more === 0) return;
    const { scope } = this.#budget;
    // A peer that is held back sends no more than its transport has read. Others can send without end.
    const isBounded = this.#port.flow === 'transport' || bytes <= PARTIAL_BYTES_FREE;
    if (more > 0 && !isBounded && !scope.hasRoom(more)) return this.#failForMemory();
    this.#grantedBytes = bytes;
    scope.grant(more);
  }

  #failForMemory(): void {
    this.#port.fail(new ShoalError('OVERLOADED', 'This node has no memory for more messages now.'));
  }

  /** Holds the peer back while bytes wait, and lets it go on afterwards. Returns a promise when it begins to hold it back. */
  #proceed(): Promise<void> | undefined {
    if (this.#isClosed) return undefined;
    if (this.#waiting.length > 0 && !this.#isBlocked) this.#budget.turns.wait(this);
    if (this.#waiting.length > 0 || this.#isBlocked) return this.#hold();
    this.#resume();
    if (this.#end !== undefined) this.#port.ended(this.#end.error);
    return undefined;
  }

  #hold(): Promise<void> | undefined {
    if (this.#letGo !== undefined) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#letGo = resolve;
    this.#port.holdClock(true);
    return promise;
  }

  #resume(): void {
    if (this.#letGo === undefined) return;
    this.#letGo();
    this.#letGo = undefined;
    this.#port.holdClock(false);
  }
}

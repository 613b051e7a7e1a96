import type { Scope } from './scope.ts';

/** While other large frames wait for memory, the sender of one that is being read must send at least this much. */
const SLOWEST_BYTES_PER_SECOND = 1024 * 1024;
/** The speed of a sender is the mean of this time. */
const MEASURED_MS = 2_000;
/** Speeds are checked at this interval while frames wait. */
const CHECK_MS = 500;

/** The reader of a frame, one connection. */
export interface FrameReader {
  /** All bytes that the peer has sent. */
  readonly receivedBytes: number;
  /** Milliseconds of a clock that stands still while the peer is held back. */
  now(): number;
  /** The frame that had to wait may be read now. */
  granted(): void;
  /** The frame arrives too slowly while others wait. The reader must give it up. */
  tooSlow(): void;
}

/** A frame that may be read, or waits for memory. */
export class LargeFrame {
  readonly scope: Scope;
  readonly bytes: number;
  readonly reader: FrameReader;
  isGranted = false;
  #measuredFrom = 0;
  #bytesBefore = 0;

  constructor(scope: Scope, bytes: number, reader: FrameReader) {
    this.scope = scope;
    this.bytes = bytes;
    this.reader = reader;
  }

  measureFromNow(): void {
    this.#measuredFrom = this.reader.now();
    this.#bytesBefore = this.reader.receivedBytes;
  }

  /** True once in `MEASURED_MS` at most, if too little has arrived in that time. */
  isTooSlow(): boolean {
    const ms = this.reader.now() - this.#measuredFrom;
    if (ms < MEASURED_MS) return false;
    const bytes = this.reader.receivedBytes - this.#bytesBefore;
    this.measureFromNow();
    return bytes < (ms / 1000) * SLOWEST_BYTES_PER_SECOND;
  }
}

/**
 * Lets large frames be read in order of arrival, each once its whole length has room in all its scopes. If frames could begin
 * without that, many half ones would fill the memory and none could end.
 */
export class LargeFrames {
  readonly #waiting = new Set<LargeFrame>();
  readonly #granted = new Set<LargeFrame>();
  #isPumpDue = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(root: Scope) {
    root.onRoom = () => this.#pumpSoon();
  }

  /** Returns the frame, granted or not. Undefined if it can never have room. */
  begin(scope: Scope, bytes: number, reader: FrameReader): LargeFrame | undefined {
    if (!scope.canEverHold(bytes)) return undefined;
    const frame = new LargeFrame(scope, bytes, reader);
    this.#waiting.add(frame);
    this.#grant(frame);
    return frame;
  }

  /** Call once, when the frame is complete or given up. */
  end(frame: LargeFrame): void {
    this.#waiting.delete(frame);
    if (this.#granted.delete(frame)) frame.scope.release(frame.bytes);
    else this.#pumpSoon();
    this.#watchSpeeds();
  }

  /** Not at once: the caller that releases memory is in the midst of other work. */
  #pumpSoon(): void {
    if (this.#isPumpDue || this.#waiting.size === 0) return;
    this.#isPumpDue = true;
    queueMicrotask(() => {
      this.#isPumpDue = false;
      this.#grant();
    });
  }

  /** Grants all frames whose turn it is. `begun` is the one whose reader looks for itself. */
  #grant(begun?: LargeFrame): void {
    const full = new Set<Scope>();
    for (const frame of this.#waiting) {
      if (isBehind(frame, full)) continue;
      const fullScope = frame.scope.reserveLarge(frame.bytes);
      if (fullScope !== undefined) {
        full.add(fullScope);
        continue;
      }
      this.#waiting.delete(frame);
      this.#granted.add(frame);
      frame.isGranted = true;
      frame.measureFromNow();
      if (frame !== begun) queueMicrotask(() => frame.reader.granted());
    }
    this.#watchSpeeds();
  }

  #watchSpeeds(): void {
    if (this.#waiting.size === 0) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      return;
    }
    if (this.#timer !== undefined) return;
    for (const frame of this.#granted) frame.measureFromNow();
    this.#timer = setTimeout(() => this.#checkSpeeds(), CHECK_MS);
  }

  #checkSpeeds(): void {
    const full = new Set<Scope>();
    for (const frame of this.#waiting) {
      const fullScope = frame.scope.fullFor(frame.bytes);
      if (fullScope !== undefined) full.add(fullScope);
    }
    // `tooSlow` ends the frame, and a set may be changed while it is iterated.
    for (const frame of this.#granted) if (isBehind(frame, full) && frame.isTooSlow()) frame.reader.tooSlow();
    this.#timer = this.#waiting.size === 0 ? undefined : setTimeout(() => this.#checkSpeeds(), CHECK_MS);
  }
}

function isBehind({ scope }: LargeFrame, full: ReadonlySet<Scope>): boolean {
  for (const one of full) if (scope.isWithin(one)) return true;
  return false;
}

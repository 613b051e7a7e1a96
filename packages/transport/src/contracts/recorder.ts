import type { Connection } from '../connection.ts';

/** Time without `drain` after which a writer counts as held back. */
const STALLED_AFTER_MS = 300;

/** Opens a connection and records its events, and lets a test wait for them. */
export class Recorder {
  readonly connection: Connection;
  readonly #pieces: Uint8Array[] = [];
  #receivedBytes = 0;
  #waiting: (() => void)[] = [];
  calls = 0;
  closes = 0;
  drains = 0;
  error: Error | undefined;

  /** `busy` returns the promise that each `data` call returns. Default: the reader is never busy. */
  constructor(connection: Connection, busy?: () => Promise<void>) {
    this.connection = connection;
    connection.open({
      data: (bytes) => {
        this.#pieces.push(bytes);
        this.#receivedBytes += bytes.byteLength;
        this.#changed();
        return busy?.();
      },
      drain: () => {
        this.drains += 1;
        this.#changed();
      },
      close: (error) => {
        this.closes += 1;
        this.error = error;
        this.#changed();
      },
    });
  }

  bytes(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.#pieces));
  }

  received(bytes: number): Promise<void> {
    return this.#until(() => this.#receivedBytes >= bytes || this.closes > 0);
  }

  closed(): Promise<void> {
    return this.#until(() => this.closes > 0);
  }

  /** Resolves at the next drain. */
  drained(): Promise<void> {
    const before = this.drains;
    return this.#until(() => this.drains > before || this.closes > 0);
  }

  /** Sends with a wait for each drain until none comes. Returns the number of bytes sent. */
  async sendUntilStalled(limit: number): Promise<number> {
    const piece = new Uint8Array(64 * 1024);
    let sent = 0;
    while (sent < limit) {
      sent += piece.length;
      if (this.connection.send(piece)) continue;
      if (await happensWithin(this.drained(), STALLED_AFTER_MS)) continue;
      break;
    }
    return sent;
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #changed(): void {
    this.calls += 1;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

async function happensWithin(event: Promise<void>, ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const happened = await Promise.race([event.then(() => true), timeout]);
  clearTimeout(timer);
  return happened;
}

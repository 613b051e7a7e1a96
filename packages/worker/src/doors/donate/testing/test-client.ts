import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';

/** A message less its `v`. */
export type Frame = { readonly type: string; readonly [field: string]: unknown };

export function error(words: string): Frame {
  return { type: 'error', error: words };
}

/** Resolves once something is so; a test that waits for ever is ended by its runner. */
export async function hasEnded(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await setImmediate();
}

/** A client that says what it is told and keeps what it hears. */
export class TestClient {
  /** Resolves once the other side has closed. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #heard: Frame[] = [];
  #rest: Buffer = Buffer.alloc(0);
  #wake: (() => void) | undefined;

  static async dial(port: number): Promise<TestClient> {
    const socket = connect({ host: '127.0.0.1', port });
    const client = new TestClient(socket);
    await once(socket, 'connect');
    return client;
  }

  static frames(...frames: readonly Frame[]): Buffer {
    return Buffer.concat(
      frames.flatMap((frame) => {
        const body = Buffer.from(JSON.stringify({ v: 1, ...frame }));
        const header = Buffer.alloc(4);
        header.writeUInt32LE(body.length);
        return [header, body];
      }),
    );
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes: Buffer) => this.#hear(bytes));
  }

  get unsentBytes(): number {
    return this.#socket.writableLength;
  }

  send(...frames: readonly Frame[]): void {
    this.sendBytes(TestClient.frames(...frames));
  }

  sendBytes(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  /** The next frame that came, or comes. */
  async next(): Promise<Frame> {
    for (;;) {
      const frame = this.#heard.shift();
      if (frame !== undefined) return frame;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  pause(): void {
    this.#socket.pause();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #hear(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    while (this.#rest.length >= 4) {
      const end = 4 + this.#rest.readUInt32LE();
      if (this.#rest.length < end) break;
      const { v: _, ...frame } = JSON.parse(this.#rest.toString('utf8', 4, end)) as Frame;
      this.#heard.push(frame as Frame);
      this.#rest = this.#rest.subarray(end);
    }
    this.#wake?.();
  }
}

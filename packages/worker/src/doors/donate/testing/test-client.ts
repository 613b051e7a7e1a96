import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';

/** A message without its `v`. */
export type TestFrame = { readonly type: string; readonly [field: string]: unknown };

export function error(text: string): TestFrame {
  return { type: 'error', error: text };
}

/** Resolves once the condition is true. The test runner ends a test that waits for ever. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await setImmediate();
}

/** A client that sends given frames and stores those that it receives. */
export class TestClient {
  /** Resolves once the other side has closed. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #received: TestFrame[] = [];
  #rest: Buffer = Buffer.alloc(0);
  #wake: (() => void) | undefined;

  static async dial(port: number): Promise<TestClient> {
    const socket = connect({ host: '127.0.0.1', port });
    const client = new TestClient(socket);
    await once(socket, 'connect');
    return client;
  }

  static frames(...frames: readonly TestFrame[]): Buffer {
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
    socket.on('data', (bytes: Buffer) => this.#receive(bytes));
  }

  get unsentBytes(): number {
    return this.#socket.writableLength;
  }

  send(...frames: readonly TestFrame[]): void {
    this.sendBytes(TestClient.frames(...frames));
  }

  sendBytes(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  /** Resolves with the next frame. */
  async next(): Promise<TestFrame> {
    for (;;) {
      const frame = this.#received.shift();
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

  #receive(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    while (this.#rest.length >= 4) {
      const end = 4 + this.#rest.readUInt32LE();
      if (this.#rest.length < end) break;
      const { v: _, ...frame } = JSON.parse(this.#rest.toString('utf8', 4, end)) as TestFrame;
      this.#received.push(frame as TestFrame);
      this.#rest = this.#rest.subarray(end);
    }
    this.#wake?.();
  }
}

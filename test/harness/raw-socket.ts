import { connect, type Socket } from 'node:net';
import { Watched } from './watched.ts';

/** A raw TCP connection to a port of this machine, for bytes that no program would send. */
export class RawSocket {
  received = '';
  readonly #socket: Socket;
  readonly #watched = new Watched();
  #isOver = false;

  /** With `deaf`, the socket never reads. */
  static dial(port: number, deaf = false): Promise<RawSocket> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1' });
      socket.once('error', reject);
      socket.once('connect', () => resolve(new RawSocket(socket, deaf)));
    });
  }

  private constructor(socket: Socket, deaf: boolean) {
    this.#socket = socket;
    socket.on('error', () => undefined);
    socket.on('close', () => this.#end());
    if (deaf) return;
    socket.on('end', () => this.#end());
    socket.on('data', (bytes) => {
      this.received += bytes.toString();
      this.#watched.changed();
    });
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  send(bytes: string | Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** Resolves when the system has accepted the bytes, or the connection is closed. */
  async sendAndFlush(bytes: Uint8Array): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#socket.write(bytes, () => resolve());
    });
  }

  async isClosed(): Promise<void> {
    await this.#watched.until(
      () => this.#isOver || undefined,
      () => `the end of the connection, which sent:\n${this.received}`,
    );
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #end(): void {
    this.#isOver = true;
    this.#watched.changed();
  }
}

import HyperDHT, { type SecretStream } from 'hyperdht';
import { Watched } from './watched.ts';

/** A raw stream to the node with a given key, for bytes that no program would send. */
export class RawPeer {
  received = '';
  readonly #stream: SecretStream;
  readonly #watched = new Watched();
  #isOpen = false;
  #isOver = false;
  #hasRoom = true;

  /** `key` is the node's public key in hex. The stream ends with the DHT at the latest. */
  static async dial(dht: HyperDHT, key: string): Promise<RawPeer> {
    const peer = new RawPeer(dht.connect(Buffer.from(key, 'hex'), { keyPair: HyperDHT.keyPair() }));
    await peer.#watched.until(
      () => peer.#isOpen || undefined,
      () => `a connection to ${key}`,
    );
    return peer;
  }

  private constructor(stream: SecretStream) {
    this.#stream = stream;
    stream.on('open', () => this.#changed(() => (this.#isOpen = true)));
    stream.on('data', (bytes) => this.#changed(() => (this.received += Buffer.from(bytes).toString())));
    stream.on('end', () => this.#changed(() => (this.#isOver = true)));
    stream.on('close', () => this.#changed(() => (this.#isOver = true)));
    stream.on('drain', () => this.#changed(() => (this.#hasRoom = true)));
    stream.on('error', () => undefined);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  send(bytes: string | Uint8Array): void {
    this.#stream.write(typeof bytes === 'string' ? Buffer.from(bytes) : bytes);
  }

  /** Like `send`, but waits while the stream is full. */
  async sendAndFlush(bytes: Uint8Array): Promise<void> {
    this.#hasRoom = this.#stream.write(bytes);
    await this.#watched.until(
      () => this.#hasRoom || this.#isOver || undefined,
      () => 'room to write',
    );
  }

  async receives(text: string | RegExp): Promise<void> {
    const has = (): boolean => (typeof text === 'string' ? this.received.includes(text) : text.test(this.received));
    await this.#watched.until(
      () => has() || undefined,
      () => `${text} in:\n${this.received}`,
    );
  }

  /** Waits until the node closes the connection. */
  async isClosed(): Promise<void> {
    await this.#watched.until(
      () => this.#isOver || undefined,
      () => `the end of the connection, which sent:\n${this.received}`,
    );
  }

  destroy(): void {
    this.#stream.destroy();
  }

  #changed(change: () => void): void {
    change();
    this.#watched.changed();
  }
}

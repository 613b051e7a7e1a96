import type { ServerResponse } from 'node:http';

/** UTF-16 units that wait for the end of a turn of the event loop. More are written at once. */
const MAX_HELD_LENGTH = 64 * 1024;

/**
 * Writes the body of a streamed response. Texts of one turn of the event loop leave in one write, which relays several times
 * as many small pieces as one write for each.
 */
export class ResponseStream {
  readonly #response: ServerResponse;
  readonly #onWrite: () => void;
  #text = '';
  #isFlushing = false;
  #isFull = false;
  #waiting: (() => void)[] = [];

  /** `onWrite` is called at each write. */
  constructor(response: ServerResponse, onWrite: () => void) {
    this.#response = response;
    this.#onWrite = onWrite;
    const wake = (): void => {
      this.#isFull = false;
      for (const resolve of this.#waiting.splice(0)) resolve();
    };
    response.on('drain', wake).on('close', wake);
  }

  write(text: string): void {
    if (text === '') return;
    this.#text += text;
    if (this.#text.length > MAX_HELD_LENGTH) return this.#flush();
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    setImmediate(() => {
      this.#isFlushing = false;
      this.#flush();
    });
  }

  /** Resolves once the reader has caught up or has left. Undefined if there is room now. */
  room(): Promise<void> | undefined {
    if (!this.#isFull || this.#response.closed) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Ends the body properly. */
  end(): void {
    this.#flush();
    this.#response.end();
  }

  /**
   * Ends the connection without the end of the body: most clients take a proper end for success, even after an error event.
   */
  cut(): void {
    this.#flush();
    const { socket } = this.#response;
    // The socket closes once everything written has been sent.
    this.#response.write('', () => socket?.destroySoon());
    if (socket === null) this.#response.destroy();
  }

  #flush(): void {
    const text = this.#text;
    if (text === '' || this.#response.closed) return;
    this.#text = '';
    this.#onWrite();
    this.#isFull = !this.#response.write(text);
  }
}

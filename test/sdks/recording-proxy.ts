import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { RecordedAnswer } from './check-schemas.ts';

/** An answer that went through the proxy. */
export interface Recorded extends RecordedAnswer {
  /** True if the request had the header `anthropic-version`. */
  readonly isAnthropic: boolean;
  /** True if the client left before the end. */
  readonly wasLeft: boolean;
}

/** Passes requests on to another server of this machine, unchanged, and records the answers. */
export class RecordingProxy {
  /** Those that have ended. */
  readonly recorded: Recorded[] = [];
  readonly #server;
  readonly #open = new Set<readonly Buffer[]>();
  readonly #target: string;

  static async open(target: string): Promise<RecordingProxy> {
    const proxy = new RecordingProxy(target);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  private constructor(target: string) {
    this.#target = target;
    this.#server = createServer((request, response) => this.#pass(request, response));
  }

  get baseUrl(): string {
    const address = this.#server.address();
    if (typeof address !== 'object' || address === null) throw new Error('The proxy is closed.');
    return `http://127.0.0.1:${address.port}`;
  }

  /** True while an answer is under way whose text so far has this in it. */
  isPassing(text: string): boolean {
    return [...this.#open].some((pieces) => Buffer.concat(pieces).includes(text));
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  #pass(request: IncomingMessage, response: ServerResponse): void {
    const { host } = new URL(this.#target);
    const url = new URL(request.url ?? '/', this.#target);
    const outgoing = httpRequest(url, { method: request.method, headers: { ...request.headers, host }, agent: false });
    request.pipe(outgoing);
    outgoing.on('error', () => response.destroy());
    response.on('close', () => outgoing.destroy());
    outgoing.on('response', (answer) => {
      const got: Buffer[] = [];
      let wasLeft = false;
      this.#open.add(got);
      response.on('close', () => {
        wasLeft = !answer.complete && answer.errored === null;
      });
      response.writeHead(answer.statusCode ?? 0, answer.rawHeaders);
      response.flushHeaders();
      answer.on('data', (piece: Buffer) => got.push(piece));
      answer.pipe(response);
      // A stream that fails is cut: so it is for the client.
      answer.on('error', () => response.destroy());
      answer.on('close', () => {
        this.#open.delete(got);
        this.recorded.push({
          method: request.method ?? '',
          path: url.pathname,
          status: answer.statusCode ?? 0,
          contentType: answer.headers['content-type'] ?? '',
          body: Buffer.concat(got).toString(),
          isComplete: answer.complete,
          isAnthropic: request.headers['anthropic-version'] !== undefined,
          wasLeft,
        });
      });
    });
  }
}

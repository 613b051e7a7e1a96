import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

/** An HTTP server on a port that the system picks. A handler that fails closes its connection. */
export class FakeServer {
  readonly #server = createServer();
  #address = '';

  constructor(handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>) {
    this.#server.on('request', (request, response) => {
      handle(request, response).catch(() => response.destroy());
    });
  }

  /** `host:port`. Empty before `listen`. */
  get address(): string {
    return this.#address;
  }

  async listen(): Promise<void> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
    const address = this.#server.address();
    if (typeof address === 'object' && address !== null) this.#address = `127.0.0.1:${address.port}`;
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}

export function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
}

/** The texts as bytes, in pieces of this size. Default: a piece per text. */
export async function* inPieces(texts: AsyncIterable<string>, pieceBytes = Infinity): AsyncGenerator<Uint8Array> {
  for await (const text of texts) {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
  }
}

import { connect, type Socket } from 'node:net';

const HEAD_END = Buffer.from('\r\n\r\n');
/** The end of a body in chunks, if no trailer follows. */
const LAST_CHUNK = Buffer.from('0\r\n\r\n');

/** A call that is sent again and again. */
export interface Call {
  /** The server and the path. */
  readonly url: string;
  readonly body: object;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/**
 * A connection that sends one HTTP request at a time. It reads no more of a response than its status and its end, because it
 * shares the processor with the server that is measured.
 */
export class HttpConnection {
  readonly #socket: Socket;
  #parts: Buffer[] = [];
  #received = 0;
  /** Bytes of the whole response. Undefined before its head has arrived, Infinity for a body in chunks. */
  #expected: number | undefined;
  #waiting: { readonly resolve: (response: Buffer) => void; readonly reject: (error: Error) => void } | undefined;

  static async open(url: string): Promise<HttpConnection> {
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve).once('error', reject);
    });
    return new HttpConnection(socket);
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (bytes) => this.#receive(bytes));
    socket.on('error', (error) => this.#waiting?.reject(error));
    socket.on('close', () => this.#waiting?.reject(new Error('The server closed the connection.')));
  }

  /** Sends a request, and resolves with the whole response. Rejects if its status is not 200. */
  request(bytes: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket.write(bytes);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(bytes: Buffer): void {
    this.#parts.push(bytes);
    this.#received += bytes.length;
    this.#expected ??= lengthOf(bytes);
    if (this.#received < (this.#expected ?? Infinity) && !this.#endsInLastChunk()) return;
    const [response, waiting] = [Buffer.concat(this.#parts), this.#waiting];
    this.#parts = [];
    this.#received = 0;
    this.#expected = undefined;
    this.#waiting = undefined;
    if (statusOf(response) === '200') waiting?.resolve(response);
    else waiting?.reject(new Error(`The server answered with ${response.toString()}`));
  }

  #endsInLastChunk(): boolean {
    if (this.#expected !== Infinity) return false;
    const end = Buffer.concat(this.#parts.slice(-LAST_CHUNK.length).map((part) => part.subarray(-LAST_CHUNK.length)));
    return end.subarray(-LAST_CHUNK.length).equals(LAST_CHUNK);
  }
}

/** Returns the bytes of a request, the same for each time it is sent. */
export function requestBytes({ url, body, headers = {} }: Call): Buffer {
  const { host, pathname } = new URL(url);
  const text = JSON.stringify(body);
  const fields = Object.entries({
    host,
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(text)),
    ...headers,
  });
  return Buffer.from(`POST ${pathname} HTTP/1.1\r\n${fields.map(([n, v]) => `${n}: ${v}\r\n`).join('')}\r\n${text}`);
}

/** Returns the answered requests per second of several connections, each of which sends the next one after an answer. */
export async function requestsPerSecond(call: Call, connections: number, durationMs: number): Promise<number> {
  const bytes = requestBytes(call);
  const opened = await Promise.all(Array.from({ length: connections }, () => HttpConnection.open(call.url)));
  const startedAt = performance.now();
  const endsAt = startedAt + durationMs;
  let answered = 0;
  await Promise.all(
    opened.map(async (connection) => {
      while (performance.now() < endsAt) {
        await connection.request(bytes);
        answered += 1;
      }
      connection.close();
    }),
  );
  return (answered * 1_000) / (performance.now() - startedAt);
}

/** Returns the length of the response that begins with these bytes, which contain its whole head. */
function lengthOf(bytes: Buffer): number {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd === -1) throw new Error('The head of a response was cut.');
  const [, length] = /\r\ncontent-length: (\d+)/i.exec(bytes.toString('latin1', 0, headEnd)) ?? [];
  return length === undefined ? Infinity : headEnd + HEAD_END.length + Number(length);
}

function statusOf(response: Buffer): string {
  return response.toString('latin1', 'HTTP/1.1 '.length, 'HTTP/1.1 '.length + 3);
}

/**
 * Returns the server-sent events per second of so many streams, at most `atOnce` at the same time. All of them have as many
 * events as the first.
 */
export async function chunksPerSecond(call: Call, atOnce: number, streams: number): Promise<number> {
  const bytes = requestBytes(call);
  const opened = await Promise.all(Array.from({ length: atOnce }, () => HttpConnection.open(call.url)));
  const startedAt = performance.now();
  let [chunks, left] = [0, streams];
  await Promise.all(
    opened.map(async (connection) => {
      while (left > 0) {
        left -= 1;
        const response = await connection.request(bytes);
        chunks += countEvents(response);
      }
      connection.close();
    }),
  );
  return (chunks * 1_000) / (performance.now() - startedAt);
}

function countEvents(response: Buffer): number {
  return response.toString('latin1').split('data: ').length - 1;
}

import { type IncomingHttpHeaders, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { JsonObject } from '@shoal/protocol/json';
import type { ShoalError } from '@shoal/protocol/error';
import { parseObject } from '@shoal/formats/json';

/** Between two pieces of a response; LocalLLM's "no response". */
const SILENCE_TIMEOUT_MS = 30_000;
/** From the beginning to the end of a response that is read as a whole. */
const WHOLE_RESPONSE_TIMEOUT_MS = 120_000;
/** For lists and descriptions of models, a few vectors, and the text of an error. */
const MAX_RESPONSE_BYTES = 4 * 1024 * 1024;

/** Creates the errors of a connection, with messages of the engine that uses the server. */
export interface ServerFailures {
  /** No connection could be made. */
  notFound(address: URL, cause: unknown): ShoalError;
  silent(ms: number): ShoalError;
  /** The connection was lost. */
  brokenOff(cause: unknown): ShoalError;
  unreadable(cause: unknown): ShoalError;
}

export interface HttpRequest {
  /** Below the server's address, such as `api/tags`. */
  readonly path: string;
  /** Sent as JSON with POST. Undefined: a GET. */
  readonly body?: object | undefined;
  /** Closes the connection when aborted. */
  readonly signal: AbortSignal;
  /** Until the response begins. */
  readonly timeoutMs: number;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Read on demand: a reader that pauses pauses the server, and one that leaves early closes the connection. */
  readonly body: AsyncGenerator<Uint8Array, undefined>;
}

export interface ObjectResponse {
  readonly status: number;
  /** Undefined if the response is not a JSON object. */
  readonly object: JsonObject | undefined;
}

/**
 * A server that runs models. Each request has its own connection: closing that stops the server's work. Redirects are not
 * followed.
 */
export class ModelServer {
  readonly #address: URL;
  readonly #failures: ServerFailures;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #socketPath: string | undefined;

  /** The address ends with a slash. The headers are sent with each request. A Unix socket replaces the address's port. */
  constructor(
    address: URL,
    failures: ServerFailures,
    headers: Readonly<Record<string, string>> = {},
    socketPath?: string,
  ) {
    this.#address = address;
    this.#failures = failures;
    this.#headers = headers;
    this.#socketPath = socketPath;
  }

  /** Resolves when the response begins. Throws `notFound`, `silent` and `brokenOff`; the body throws the latter two. */
  async request({ path, body, signal, timeoutMs }: HttpRequest): Promise<HttpResponse> {
    const timeout = new AbortController();
    const url = new URL(path, this.#address);
    const outgoing = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { accept: 'application/json', 'content-type': 'application/json', ...this.#headers },
      agent: false,
      ...(this.#socketPath !== undefined && { socketPath: this.#socketPath }),
      signal: AbortSignal.any([signal, timeout.signal]),
    });
    const beginning = new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.on('response', resolve);
      outgoing.on('error', reject);
      // Node closes a connection that switches protocols (101), without an error.
      outgoing.on('close', () => reject(new Error('The connection was closed before a response began.')));
    });
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    try {
      const response = await withTimeout(beginning, timeoutMs, timeout);
      return { status: response.statusCode ?? 0, headers: response.headers, body: this.#read(response, timeout) };
    } catch (error) {
      if (timeout.signal.aborted) throw this.#failures.silent(timeoutMs);
      throw isConnectError(error) ? this.#failures.notFound(this.#address, error) : this.#failures.brokenOff(error);
    }
  }

  /** Returns the whole response as an object. Throws as `request` and `readText` do. */
  async requestObject(request: HttpRequest): Promise<ObjectResponse> {
    const { status, body } = await this.request(request);
    return { status, object: parseObject(await this.readText(body)) };
  }

  /** Throws `unreadable` for a body of more than 4 MiB, or one that takes more than two minutes. */
  async readText(body: HttpResponse['body']): Promise<string> {
    const pieces: Uint8Array[] = [];
    let length = 0;
    const deadline = performance.now() + WHOLE_RESPONSE_TIMEOUT_MS;
    for await (const piece of body) {
      if (performance.now() > deadline)
        throw this.#failures.unreadable(`The response took more than ${WHOLE_RESPONSE_TIMEOUT_MS / 1_000} s.`);
      length += piece.length;
      if (length > MAX_RESPONSE_BYTES)
        throw this.#failures.unreadable(`The response has more than ${MAX_RESPONSE_BYTES} bytes.`);
      pieces.push(piece);
    }
    return Buffer.concat(pieces).toString();
  }

  async *#read(response: IncomingMessage, timeout: AbortController): AsyncGenerator<Uint8Array, undefined> {
    const pieces: AsyncIterator<Uint8Array> = response[Symbol.asyncIterator]();
    try {
      for (;;) {
        const piece = await withTimeout(pieces.next(), SILENCE_TIMEOUT_MS, timeout);
        if (piece.done === true) return;
        yield piece.value;
      }
    } catch (error) {
      throw timeout.signal.aborted ? this.#failures.silent(SILENCE_TIMEOUT_MS) : this.#failures.brokenOff(error);
    } finally {
      response.destroy();
    }
  }
}

/** Aborts work that takes longer. Data that arrived while the event loop was blocked is read before that. */
async function withTimeout<T>(work: Promise<T>, limitMs: number, timeout: AbortController): Promise<T> {
  let abort: NodeJS.Immediate | undefined;
  const timer = setTimeout(() => {
    abort = setImmediate(() => timeout.abort());
  }, limitMs);
  try {
    return await work;
  } finally {
    clearTimeout(timer);
    clearImmediate(abort);
  }
}

/** True if no connection was made at all. */
function isConnectError(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.every(isConnectError);
  if (!(error instanceof Error) || !('syscall' in error)) return false;
  return error.syscall === 'connect' || error.syscall === 'getaddrinfo';
}

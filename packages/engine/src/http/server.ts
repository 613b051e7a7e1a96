import { type IncomingHttpHeaders, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { JsonObject, ShoalError } from '@shoal/protocol';
import { parseObject } from '@shoal/formats/json';

/** Between two pieces of a reply; LocalLLM's "no response". */
const SILENCE_TIMEOUT_MS = 30_000;
/** From the beginning of a reply that is read as a whole until its end: it comes from memory. */
const WHOLE_REPLY_TIMEOUT_MS = 120_000;
/** The lists and descriptions of models, a few vectors, and the text of an error. */
const MAX_REPLY_BYTES = 4 * 1024 * 1024;

/** What may go wrong on the way, in the words of the engine whose server it is. */
export interface ServerFailures {
  /** Nobody can be reached there. */
  notFound(address: URL, cause: unknown): ShoalError;
  silent(ms: number): ShoalError;
  /** The connection was lost. */
  brokenOff(cause: unknown): ShoalError;
  unreadable(cause: unknown): ShoalError;
}

export interface Question {
  /** Below the server's address, such as `api/tags`. */
  readonly path: string;
  /** Sent as JSON with POST; absent: a GET. */
  readonly body?: object | undefined;
  /** Closes the connection at once. */
  readonly signal: AbortSignal;
  /** Until the reply begins. */
  readonly patienceMs: number;
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Read as it is asked for, so that a reader who pauses pauses the server; leaving it early closes the connection. */
  readonly body: AsyncGenerator<Uint8Array, undefined>;
}

export interface WholeReply {
  readonly status: number;
  /** Undefined where the reply is no JSON object. */
  readonly object: JsonObject | undefined;
}

/**
 * One server that runs models. Each question has a connection of its own: closing that is how the server is told to stop.
 * Redirects are not followed.
 */
export class ModelServer {
  readonly #address: URL;
  readonly #failures: ServerFailures;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #socketPath: string | undefined;

  /** The address ends with a slash; the headers go with each question; a Unix socket is used instead of the address's port. */
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

  /** Resolves when the reply begins. Throws the failures `notFound`, `silent` and `brokenOff`; the body the latter two. */
  async ask({ path, body, signal, patienceMs }: Question): Promise<Reply> {
    const late = new AbortController();
    const url = new URL(path, this.#address);
    const outgoing = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { accept: 'application/json', 'content-type': 'application/json', ...this.#headers },
      agent: false,
      ...(this.#socketPath !== undefined && { socketPath: this.#socketPath }),
      signal: AbortSignal.any([signal, late.signal]),
    });
    const beginning = new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.on('response', resolve);
      outgoing.on('error', reject);
      // One that wants to speak something else (101) is hung up on by Node without a word.
      outgoing.on('close', () => reject(new Error('The connection was closed before a reply began.')));
    });
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    try {
      const response = await within(beginning, patienceMs, late);
      return { status: response.statusCode ?? 0, headers: response.headers, body: this.#read(response, late) };
    } catch (error) {
      if (late.signal.aborted) throw this.#failures.silent(patienceMs);
      throw isConnectError(error) ? this.#failures.notFound(this.#address, error) : this.#failures.brokenOff(error);
    }
  }

  /** The whole reply as an object. Throws as `ask` and `readText` do. */
  async askForObject(question: Question): Promise<WholeReply> {
    const { status, body } = await this.ask(question);
    return { status, object: parseObject(await this.readText(body)) };
  }

  /** Throws `unreadable` for more than 4 MiB, or what takes more than two minutes. */
  async readText(body: Reply['body']): Promise<string> {
    const pieces: Uint8Array[] = [];
    let length = 0;
    const deadline = performance.now() + WHOLE_REPLY_TIMEOUT_MS;
    for await (const piece of body) {
      if (performance.now() > deadline)
        throw this.#failures.unreadable(`The reply took more than ${WHOLE_REPLY_TIMEOUT_MS / 1_000} s.`);
      length += piece.length;
      if (length > MAX_REPLY_BYTES)
        throw this.#failures.unreadable(`The reply has more than ${MAX_REPLY_BYTES} bytes.`);
      pieces.push(piece);
    }
    return Buffer.concat(pieces).toString();
  }

  async *#read(response: IncomingMessage, late: AbortController): AsyncGenerator<Uint8Array, undefined> {
    const pieces: AsyncIterator<Uint8Array> = response[Symbol.asyncIterator]();
    try {
      for (;;) {
        const piece = await within(pieces.next(), SILENCE_TIMEOUT_MS, late);
        if (piece.done === true) return;
        yield piece.value;
      }
    } catch (error) {
      throw late.signal.aborted ? this.#failures.silent(SILENCE_TIMEOUT_MS) : this.#failures.brokenOff(error);
    } finally {
      response.destroy();
    }
  }
}

/** Aborts what takes longer. What arrived while our own loop stood still is read before that. */
async function within<T>(work: Promise<T>, limitMs: number, late: AbortController): Promise<T> {
  let verdict: NodeJS.Immediate | undefined;
  const timer = setTimeout(() => {
    verdict = setImmediate(() => late.abort());
  }, limitMs);
  try {
    return await work;
  } finally {
    clearTimeout(timer);
    clearImmediate(verdict);
  }
}

/** Whether no connection came about at all. */
function isConnectError(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.every(isConnectError);
  if (!(error instanceof Error) || !('syscall' in error)) return false;
  return error.syscall === 'connect' || error.syscall === 'getaddrinfo';
}

import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { failures } from './errors.ts';
import { type JsonObject, parseObject } from './json.ts';

/** Between two pieces of a reply; LocalLLM's "no response". */
const SILENCE_TIMEOUT_MS = 30_000;
/** The lists and descriptions of models, and the text of an error. */
const MAX_REPLY_BYTES = 4 * 1024 * 1024;

export interface Question {
  /** Below the server's address, such as `api/tags`. */
  readonly path: string;
  /** Sent as JSON with POST; absent: a GET. */
  readonly body?: object;
  /** Closes the connection at once. */
  readonly signal: AbortSignal;
  /** Until the reply begins. */
  readonly patienceMs: number;
}

export interface Reply {
  readonly status: number;
  /** Read as it is asked for, so that a reader who pauses pauses Ollama; leaving it early closes the connection. */
  readonly body: AsyncGenerator<Uint8Array, undefined>;
}

/** One Ollama server. Each question has a connection of its own: closing that is how Ollama is told to stop. */
export class OllamaServer {
  readonly #address: URL;

  constructor(address: URL) {
    this.#address = address;
  }

  /**
   * Resolves when the reply begins. Throws `OLLAMA_NOT_FOUND` where nobody can be reached, `TIMEOUT_NO_RESPONSE`,
   * `GENERATION_FAILED` where the connection is lost; the reply's body throws the latter two.
   */
  async ask({ path, body, signal, patienceMs }: Question): Promise<Reply> {
    const late = new AbortController();
    const url = new URL(path, this.#address);
    const outgoing = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { accept: 'application/json', 'content-type': 'application/json' },
      agent: false,
      signal: AbortSignal.any([signal, late.signal]),
    });
    const beginning = new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.on('response', resolve);
      outgoing.on('error', reject);
    });
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    try {
      const response = await within(beginning, patienceMs, late);
      return { status: response.statusCode ?? 0, body: read(response, late) };
    } catch (error) {
      if (late.signal.aborted) throw failures.silent(patienceMs);
      throw isConnectError(error) ? failures.notFound(this.#address, error) : failures.brokenOff(error);
    }
  }

  /** The whole reply as an object, undefined where it is none. Throws as `ask` does. */
  async askForObject(question: Question): Promise<{ status: number; object: JsonObject | undefined }> {
    const { status, body } = await this.ask(question);
    return { status, object: parseObject(await readAll(body)) };
  }
}

/** Throws `GENERATION_FAILED` for more than 4 MiB. */
export async function readAll(body: Reply['body']): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of body) {
    length += piece.length;
    if (length > MAX_REPLY_BYTES) throw failures.unreadable(`The reply has more than ${MAX_REPLY_BYTES} bytes.`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

async function* read(response: IncomingMessage, late: AbortController): AsyncGenerator<Uint8Array, undefined> {
  const pieces: AsyncIterator<Uint8Array> = response[Symbol.asyncIterator]();
  try {
    for (;;) {
      const piece = await within(pieces.next(), SILENCE_TIMEOUT_MS, late);
      if (piece.done === true) return;
      yield piece.value;
    }
  } catch (error) {
    throw late.signal.aborted ? failures.silent(SILENCE_TIMEOUT_MS) : failures.brokenOff(error);
  } finally {
    response.destroy();
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

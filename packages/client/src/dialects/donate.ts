import type { ClientSession } from '@shoal/protocol';
import { promptInput } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import {
  CHUNK_BYTES,
  DEFAULT_PORT,
  type DonateClient,
  donateClientSession,
  type HelloMessage,
  type Mode,
} from '@shoal/protocol/donate';
import { type AnswerStream, type Connection, Link, monotonicNow } from '@shoal/transport';
import { dialTcp } from '@shoal/transport/tcp';
import { checkDeadline } from '../deadline.ts';

/** Time for a node to accept a connection and send its hello. */
export const DIAL_TIMEOUT_MS = 8_000;

export type { Mode };

/** The hello of a node. */
export interface DonateHello {
  readonly mode: Mode;
  /** The model that answers prompts. Undefined if the node does not send it. */
  readonly model?: string | undefined;
  /** The number of jobs that may wait. Undefined if the node does not send it. */
  readonly queueCapacity?: number | undefined;
}

export interface PutModelOptions {
  /** In bytes. */
  readonly length: number;
  /** Default: a GGUF file without a name. Nodes of other programs may need another configuration. */
  readonly config?: {
    readonly format: string;
    readonly name?: string | undefined;
    readonly context_length?: number | undefined;
  };
  /** The digest of the whole file, in hex. The node refuses a file with another one. */
  readonly sha256?: string | undefined;
  /** Called after each chunk with the number of bytes sent so far. */
  readonly onProgress?: ((sentBytes: number) => void) | undefined;
}

/** The deadline of a job. */
export interface JobDeadline {
  /**
   * Milliseconds until the answer must be there, the wait for earlier calls included. Then it fails with `DEADLINE_EXCEEDED`,
   * and the connection is closed, because the protocol cannot cancel a job. Default: no limit.
   */
  readonly deadlineMs?: number | undefined;
}

export interface DialDonateOptions {
  /** Default: `DIAL_TIMEOUT_MS`. */
  readonly timeoutMs?: number | undefined;
}

/**
 * Connects to a Donate compute node: `HOST`, `HOST:PORT` or `[IPV6]:PORT`. Throws `INVALID_REQUEST` for an invalid address,
 * and `CONNECT_FAILED` if no node answers in time.
 */
export async function dialDonate(
  address = `127.0.0.1:${DEFAULT_PORT}`,
  { timeoutMs = DIAL_TIMEOUT_MS }: DialDonateOptions = {},
): Promise<DonateNode> {
  const { host, port } = parseAddress(address);
  const timeoutAt = monotonicNow() + timeoutMs;
  const connection = await connectTo(host, port, timeoutMs);
  const session = donateClientSession();
  return new Promise((resolve, reject) => {
    const link = new Link(connection, session, {
      peer() {
        clearTimeout(timer);
        const { hello } = session.side;
        if (hello !== undefined) resolve(new DonateNode(link, helloOf(hello)));
      },
      request: () => {},
      close: (cause) => fail('closed the connection before it sent its hello', cause),
    });
    const fail = (reason: string, cause?: Error): void => {
      clearTimeout(timer);
      reject(new ShoalError('CONNECT_FAILED', `${host}:${port} ${reason}: is it a Donate compute node?`, { cause }));
    };
    const timer = setTimeout(() => {
      // Before `link.close`, whose close event would count as the node's.
      fail(`sent no hello within ${timeoutMs / 1_000} s`);
      link.close();
    }, timeoutAt - monotonicNow());
    link.start();
  });
}

async function connectTo(host: string, port: number, timeoutMs: number): Promise<Connection> {
  try {
    return await dialTcp({ host, port, timeoutMs });
  } catch (thrown) {
    const { code, message, cause } = ShoalError.from(thrown);
    const reason = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (reason === 'ENOTFOUND') throw new ShoalError(code, `There is no host "${host}".`, { cause });
    if (reason !== 'ECONNREFUSED') throw new ShoalError(code, message, { cause });
    throw new ShoalError(code, `${host}:${port} refused the connection: is \`shoal donate\` running there?`, { cause });
  }
}

/** A connected node. It handles calls in order. */
export class DonateNode {
  readonly hello: DonateHello;
  readonly #link: Link<ClientSession<DonateClient>>;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(link: Link<ClientSession<DonateClient>>, hello: DonateHello) {
    this.#link = link;
    this.hello = hello;
  }

  /**
   * Pushes a model, which the node keeps for this connection. Resolves once it is mounted. Rejects with the node's error. If
   * the source fails or does not have `length` bytes, the connection is closed: the protocol has no message for that.
   */
  putModel(source: AsyncIterable<Uint8Array>, options: PutModelOptions): Promise<void> {
    return this.#enqueue(() => this.#push(source, options));
  }

  /** Continues these ids with the pushed model, greedily. Resolves with the ids and the new ones. */
  infer({
    ids,
    maxTokens,
    deadlineMs,
  }: {
    readonly ids: readonly number[];
    readonly maxTokens?: number | undefined;
  } & JobDeadline): Promise<number[]> {
    const request = { input: { type: 'tokens', tokens: ids }, sampling: sampling(maxTokens), stop: [] } as const;
    return this.#enqueueJob(deadlineMs, async () => [...ids, ...(await collect(this.#link.ask(request))).tokens]);
  }

  /** Resolves with the answer of the node's own model. */
  prompt(
    text: string,
    { maxOut, deadlineMs }: { readonly maxOut?: number | undefined } & JobDeadline = {},
  ): Promise<string> {
    const request = { input: promptInput(text), sampling: sampling(maxOut), stop: [] };
    return this.#enqueueJob(deadlineMs, async () => (await collect(this.#link.ask(request))).text);
  }

  /** Closes the connection, which ends its jobs and removes the pushed model. */
  close(): void {
    this.#link.close();
  }

  /** The dialect cannot cancel a job: a passed deadline closes the connection, which ends all of its jobs. */
  async #enqueueJob<Result>(deadlineMs: number | undefined, run: () => Promise<Result>): Promise<Result> {
    checkDeadline(deadlineMs);
    const job = this.#enqueue(run);
    if (deadlineMs === undefined) return job;
    let hasPassed = false;
    const timer = setTimeout(() => {
      hasPassed = true;
      this.close();
    }, deadlineMs);
    try {
      return await job;
    } catch (thrown) {
      throw hasPassed ? ShoalError.deadlineExceeded() : thrown;
    } finally {
      clearTimeout(timer);
    }
  }

  #enqueue<Result>(run: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(run);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async #push(
    source: AsyncIterable<Uint8Array>,
    { length, config, sha256, onProgress }: PutModelOptions,
  ): Promise<void> {
    const { side } = this.#link.session;
    const configuration = JSON.stringify(config ?? { format: 'gguf' });
    const offer = { configuration, length, sha256 };
    let isAnswered = false;
    const answer = collect(this.#link.open((id) => side.push(id, offer))).finally(() => {
      isAnswered = true;
    });
    // A rejection is reported when the answer is awaited below.
    answer.catch(() => undefined);
    try {
      let sent = 0;
      for await (const chunk of chunksOf(source)) {
        sent += chunk.length;
        if (sent > length)
          throw ShoalError.invalidRequest(`The model has more than the given length of ${length} bytes.`);
        if (isAnswered || !(await this.#link.room())) break;
        this.#link.apply(side.chunk(chunk, sent === length));
        onProgress?.(sent);
      }
      if (!isAnswered && sent < length) {
        throw ShoalError.invalidRequest(`The model has ${sent} bytes instead of the given length of ${length}.`);
      }
    } catch (thrown) {
      this.close();
      throw thrown;
    }
    this.#link.apply(side.commit());
    await answer;
  }
}

/** Resolves with all text and tokens of an answer. Rejects with its error. */
async function collect(answer: AnswerStream): Promise<{ text: string; tokens: readonly number[] }> {
  let text = '';
  let tokens: readonly number[] = [];
  for await (const event of answer) {
    if (event.type === 'text') {
      text += event.text;
      tokens = [...tokens, ...event.tokens];
    } else if (event.type === 'error') throw event.error;
  }
  return { text, tokens };
}

/** Yields the source in chunks of `CHUNK_BYTES`. The last may be shorter. */
async function* chunksOf(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let chunk = new Uint8Array(CHUNK_BYTES);
  let filled = 0;
  for await (const piece of source) {
    for (let at = 0; at < piece.length;) {
      const part = piece.subarray(at, at + CHUNK_BYTES - filled);
      chunk.set(part, filled);
      filled += part.length;
      at += part.length;
      if (filled < CHUNK_BYTES) continue;
      yield chunk;
      chunk = new Uint8Array(CHUNK_BYTES);
      filled = 0;
    }
  }
  if (filled > 0) yield chunk.subarray(0, filled);
}

function sampling(maxTokens: number | undefined): { maxTokens?: number | undefined } {
  return maxTokens === undefined ? {} : { maxTokens };
}

function helloOf({ mode, local_lm_path: model, queue_capacity: queueCapacity }: HelloMessage): DonateHello {
  return {
    mode,
    ...(model === undefined || model === '' ? {} : { model }),
    queueCapacity,
  };
}

function parseAddress(text: string): { host: string; port: number } {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]\s/]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? DEFAULT_PORT : Number(match[3]);
  if (host === undefined || port < 1 || port > 65_535) {
    throw ShoalError.invalidRequest(
      `"${text}" is not an address. Use HOST, HOST:PORT or [IPV6]:PORT, for example 192.168.1.5:${DEFAULT_PORT}.`,
    );
  }
  return { host, port };
}

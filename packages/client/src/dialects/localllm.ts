import type { InferenceEvent } from '@shoal/protocol';
import { promptInput } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import { decodeServerId, promptFault, type ServerInfo } from '@shoal/protocol/localllm';
import { createDht } from '@shoal/transport/dht';
import type { Cancellation, CancelSignal } from '../cancel.ts';
import { checkDeadline, withDeadline } from '../deadline.ts';
import { Generation, type GenerationEvent } from '../generation.ts';
import { disconnected, type FoundHost, type HostLink, HostSearch, type LocalLlmOptions } from './localllm-search.ts';

export { HOST_SEARCH_MS, type LocalLlmOptions } from './localllm-search.ts';

/**
 * Connects to the host of a Server ID, and resolves when it has sent its greeting. Rejects with `INVALID_SERVER_ID` before it
 * uses the network, `HOST_OFFLINE` if no host is found in time, `CONNECT_FAILED` if the host cannot be reached or is full,
 * `TIMEOUT_NO_RESPONSE` if it sends no greeting, `UNSUPPORTED_VERSION`, and `HOST_DISCONNECTED`.
 */
export async function connectLocalLlm(serverId: string, options: LocalLlmOptions = {}): Promise<LocalLlmHost> {
  const topic = decodeServerId(serverId);
  const { dht: given, bootstrap } = options;
  const dht = given ?? createDht(bootstrap === undefined ? {} : { bootstrap });
  const release = async (): Promise<void> => {
    if (given === undefined) await dht.close();
  };
  const first = new HostSearch(dht, topic, options);
  try {
    const searchAgain = (): HostSearch => new HostSearch(dht, topic, { ...options, signal: undefined });
    return new LocalLlmHost({ search: first, found: await first.found, searchAgain, release });
  } catch (thrown) {
    await first.close();
    await release();
    throw thrown;
  }
}

export interface LocalLlmChatOptions {
  readonly signal?: CancelSignal | undefined;
  /** Milliseconds until the answer must be complete. Then it ends with `DEADLINE_EXCEEDED`. Default: no limit. */
  readonly deadlineMs?: number | undefined;
}

interface HostAccess {
  readonly search: HostSearch;
  readonly found: FoundHost;
  readonly searchAgain: () => HostSearch;
  readonly release: () => Promise<void>;
}

/** A host. Some hosts close connections that are idle: the next prompt connects again. */
export class LocalLlmHost {
  readonly #searchAgain: () => HostSearch;
  readonly #release: () => Promise<void>;
  /** The search that has found the host, or that looks for it again. */
  #search: HostSearch;
  #found: FoundHost;
  #reconnecting: Promise<FoundHost | ShoalError> | undefined;
  #closing: Promise<void> | undefined;
  #isClosed = false;

  constructor({ search, found, searchAgain, release }: HostAccess) {
    this.#search = search;
    this.#found = found;
    this.#searchAgain = searchAgain;
    this.#release = release;
  }

  /** The host's last greeting. */
  get host(): { readonly name: string; readonly model: string; readonly status: ServerInfo['status'] } {
    const { hostName: name, model, status } = this.#found.info;
    return { name, model, status };
  }

  /**
   * Sends one prompt. A host does not remember earlier ones. Yields the worker, texts as they arrive and exactly one terminal
   * event: `finish`, with reason `length` if a limit of the host cut the answer, or `error`. If the host has disconnected since
   * the last prompt, connects to it again; the errors are then those of `connectLocalLlm`. Throws `BAD_MESSAGE` for a prompt
   * that is empty or longer than 8,192 bytes, and `INVALID_REQUEST` for a deadline that is no whole number of milliseconds.
   */
  chat(prompt: string, { signal, deadlineMs }: LocalLlmChatOptions = {}): Generation {
    const fault = promptFault(prompt);
    if (fault !== undefined) throw ShoalError.badMessage(fault);
    checkDeadline(deadlineMs);
    const run = (cancellation: Cancellation): AsyncGenerator<GenerationEvent, undefined> =>
      withDeadline(deadlineMs, cancellation, (limited) => this.#chat(prompt, limited));
    return new Generation(run, signal);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([this.#search.close(), this.#closing]);
    await this.#release();
  }

  /** A host may close an idle connection while the prompt is on its way. Then the prompt is sent once more. */
  async *#chat(prompt: string, cancellation: Cancellation): AsyncGenerator<GenerationEvent, undefined> {
    let lost: ShoalError | undefined;
    for (let attempt = 1; attempt <= 2; attempt += 1) {
      const found = await this.#connected(cancellation);
      if (cancellation.isCancelled) return yield { type: 'finish', reason: 'abort', rawReason: 'signal' };
      if (found instanceof ShoalError) return yield { type: 'error', error: found };
      lost = yield* answerOf(found, prompt, cancellation);
      if (lost === undefined) return;
    }
    yield { type: 'error', error: lost ?? disconnected() };
  }

  /** Connects again if the host has disconnected. Resolves with the error if that fails, and early after a cancellation. */
  async #connected(cancellation: Cancellation): Promise<FoundHost | ShoalError> {
    if (this.#isClosed) return disconnected();
    if (!this.#search.isLost && this.#reconnecting === undefined) return this.#found;
    this.#reconnecting ??= this.#reconnect();
    const { promise: cancelled, resolve } = Promise.withResolvers<ShoalError>();
    const stopListening = cancellation.onCancel(() => resolve(disconnected()));
    try {
      return await Promise.race([this.#reconnecting, cancelled]);
    } finally {
      stopListening();
    }
  }

  async #reconnect(): Promise<FoundHost | ShoalError> {
    const [before, search] = [this.#search, this.#searchAgain()];
    this.#closing = before.close();
    this.#search = search;
    try {
      this.#found = await search.found;
      return this.#found;
    } catch (thrown) {
      await search.close();
      // The next prompt looks for the host once more.
      this.#search = before;
      return ShoalError.from(thrown);
    } finally {
      this.#reconnecting = undefined;
    }
  }
}

/** Yields the events of one answer. Returns the error, without a terminal event, if the host disconnects before the first. */
async function* answerOf(
  { link, info: { hostName: name, model } }: FoundHost,
  prompt: string,
  cancellation: Cancellation,
): AsyncGenerator<GenerationEvent, ShoalError | undefined> {
  const answer = ask(link, prompt);
  if (answer === undefined) return disconnected();
  const stopListening = cancellation.onCancel(() => answer.abort());
  let hasBegun = false;
  try {
    for await (const event of answer) {
      if (!hasBegun && event.type === 'error' && event.error.code === 'HOST_DISCONNECTED') return event.error;
      if (!hasBegun) yield { type: 'worker', name, id: link.connection.remote.key ?? '' };
      hasBegun = true;
      yield withModel(event, model);
    }
    return undefined;
  } finally {
    stopListening();
    await answer.return();
  }
}

/** Returns undefined if the host has disconnected. */
function ask(link: HostLink, prompt: string): ReturnType<HostLink['ask']> | undefined {
  try {
    return link.ask({ input: promptInput(prompt), sampling: {}, stop: [] });
  } catch (thrown) {
    if (thrown instanceof ShoalError && thrown.code === 'WORKER_LOST') return undefined;
    throw thrown;
  }
}

/** Adds the model from the greeting, because the dialect's answers do not name it. */
function withModel(event: InferenceEvent, model: string): InferenceEvent {
  return event.type === 'finish' ? { ...event, model } : event;
}

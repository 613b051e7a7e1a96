import type { ClientSession, InferenceEvent } from '@shoal/protocol';
import { promptInput } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import {
  decodeServerId,
  type LocalLlmClient,
  localLlmClientSession,
  promptFault,
  type ServerInfo,
} from '@shoal/protocol/localllm';
import { type Connection, Link } from '@shoal/transport';
import { createDht, type Dht } from '@shoal/transport/dht';
import { createSwarm, type Membership, type Swarm } from '@shoal/transport/hyperswarm';
import type { Cancellation, CancelSignal } from '../cancel.ts';
import { Generation, type GenerationEvent } from '../generation.ts';
import { notFoundError } from './not-found.ts';

/** A LocalLLM host must be found within this time. Then the connection fails with `HOST_OFFLINE`. */
export const HOST_SEARCH_MS = 15_000;
/** The most peers of the topic that are connected at once. Besides the host, others may announce its topic. */
const MAX_CONNECTIONS = 4;

export interface LocalLlmOptions {
  /** The caller's DHT, which stays open. Default: a DHT of this connection. */
  readonly dht?: Dht | undefined;
  /** `host:port` of the DHT's bootstrap nodes. Default: the public ones. Ignored with `dht`. */
  readonly bootstrap?: readonly string[] | undefined;
  /** Cancels the search. `connectLocalLlm` then rejects with `GENERATION_ABORTED`. */
  readonly signal?: CancelSignal | undefined;
  /** Default: `HOST_SEARCH_MS`. */
  readonly searchMs?: number | undefined;
  /** Receives a line for each event of the swarm. */
  readonly log?: ((line: string) => void) | undefined;
}

type HostLink = Link<ClientSession<LocalLlmClient>>;

/**
 * Connects to the host of a Server ID, and resolves when it has sent its greeting. Rejects with `INVALID_SERVER_ID` before it
 * uses the network, `HOST_OFFLINE` if no host is found in time, `CONNECT_FAILED` if the host cannot be reached or is full,
 * `TIMEOUT_NO_RESPONSE` if it sends no greeting, `UNSUPPORTED_VERSION`, and `HOST_DISCONNECTED`.
 */
export async function connectLocalLlm(serverId: string, options: LocalLlmOptions = {}): Promise<LocalLlmHost> {
  const topic = decodeServerId(serverId);
  const { dht: given, bootstrap } = options;
  const dht = given ?? createDht(bootstrap === undefined ? {} : { bootstrap });
  const search = new HostSearch(dht, topic, options);
  const release = async (): Promise<void> => {
    await search.close();
    if (given === undefined) await dht.close();
  };
  try {
    return new LocalLlmHost(await search.found, search.lost, release);
  } catch (thrown) {
    await release();
    throw thrown;
  }
}

/** A connected host. */
export class LocalLlmHost {
  /** The host's greeting. */
  readonly host: { readonly name: string; readonly model: string; readonly status: ServerInfo['status'] };
  /** Resolves with the error when the host disconnects. Never resolves if we close the connection. */
  readonly lost: Promise<ShoalError>;
  readonly #link: HostLink;
  readonly #release: () => Promise<void>;

  constructor({ link, info }: FoundHost, lost: Promise<ShoalError>, release: () => Promise<void>) {
    const { hostName: name, model, status } = info;
    this.host = { name, model, status };
    this.lost = lost;
    this.#link = link;
    this.#release = release;
  }

  /**
   * Sends one prompt. A host does not remember earlier ones. Yields the worker, texts as they arrive and exactly one terminal
   * event: `finish`, with reason `length` if a limit of the host cut the answer, or `error`. Throws `BAD_MESSAGE` for a prompt
   * that is empty or longer than 8,192 bytes.
   */
  chat(prompt: string, { signal }: { readonly signal?: CancelSignal | undefined } = {}): Generation {
    const fault = promptFault(prompt);
    if (fault !== undefined) throw ShoalError.badMessage(fault);
    return new Generation((cancellation) => this.#chat(prompt, cancellation), signal);
  }

  async close(): Promise<void> {
    await this.#release();
  }

  async *#chat(prompt: string, cancellation: Cancellation): AsyncGenerator<GenerationEvent, undefined> {
    if (cancellation.isCancelled) return yield { type: 'finish', reason: 'abort', rawReason: 'signal' };
    const answer = this.#ask(prompt);
    if (answer === undefined) return yield { type: 'error', error: disconnected() };
    const stopListening = cancellation.onCancel(() => answer.abort());
    try {
      yield { type: 'worker', name: this.host.name, id: this.#link.connection.remote.key ?? '' };
      for await (const event of answer) yield withModel(event, this.host.model);
    } finally {
      stopListening();
      await answer.return();
    }
  }

  /** Returns undefined if the host has disconnected. */
  #ask(prompt: string): ReturnType<HostLink['ask']> | undefined {
    try {
      return this.#link.ask({ input: promptInput(prompt), sampling: {}, stop: [] });
    } catch (thrown) {
      if (thrown instanceof ShoalError && thrown.code === 'WORKER_LOST') return undefined;
      throw thrown;
    }
  }
}

interface FoundHost {
  readonly link: HostLink;
  readonly info: ServerInfo;
}

/** Looks for the host until it sends its greeting, and then watches that connection only. */
class HostSearch {
  readonly found: Promise<FoundHost>;
  readonly lost: Promise<ShoalError>;
  readonly #dht: Dht;
  readonly #swarm: Swarm;
  readonly #membership: Membership;
  readonly #links = new Set<HostLink>();
  readonly #finding = Promise.withResolvers<FoundHost>();
  readonly #losing = Promise.withResolvers<ShoalError>();
  readonly #searchTimer: ReturnType<typeof setTimeout>;
  readonly #stopListening: () => void;
  #isOver = false;
  #isClosing = false;
  #wasDialled = false;

  constructor(dht: Dht, topic: Uint8Array, { signal, searchMs = HOST_SEARCH_MS, log }: LocalLlmOptions) {
    this.found = this.#finding.promise;
    this.lost = this.#losing.promise;
    this.#dht = dht;
    this.#swarm = createSwarm({
      dht,
      maxConnections: MAX_CONNECTIONS,
      allow: () => this.#mayDial(),
      onConnection: (connection) => this.#connected(connection),
      log,
    });
    this.#membership = this.#swarm.join(topic, { server: false, client: true });
    this.#searchTimer = setTimeout(() => void this.#giveUp(searchMs), searchMs);
    const onAbort = (): void => this.#fail(ShoalError.aborted('The search for the host was given up.'));
    this.#stopListening = () => signal?.removeEventListener('abort', onAbort);
    if (signal?.aborted === true) onAbort();
    else signal?.addEventListener('abort', onAbort);
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.#fail(disconnected());
    for (const link of this.#links) link.close();
    await this.#swarm.close();
  }

  /** Called before each dial of a peer that announces the topic. Returns false after the host is found. */
  #mayDial(): boolean {
    if (this.#isOver) return false;
    this.#wasDialled = true;
    return true;
  }

  #connected(connection: Connection): void {
    if (this.#isOver) return connection.close();
    // From here on the session's timeout for the greeting applies.
    clearTimeout(this.#searchTimer);
    const link: HostLink = new Link(connection, localLlmClientSession(), {
      peer: () => this.#greeted(link),
      request: () => undefined,
      close: (error) => this.#closed(link, error),
    });
    this.#links.add(link);
    link.start();
  }

  #greeted(link: HostLink): void {
    const { info } = link.session.side;
    if (info === undefined || this.#isOver) return;
    this.#end();
    this.#finding.resolve({ link, info });
    void this.#membership.leave();
    for (const other of this.#links) if (other !== link) other.close();
  }

  #closed(link: HostLink, error: Error | undefined): void {
    this.#links.delete(link);
    // Errors of the transport are not shown to people. Errors of the host and the session are.
    const why = error instanceof ShoalError ? error : disconnected();
    if (!this.#isOver) this.#fail(why);
    else if (link.session.side.info !== undefined && !this.#isClosing) this.#losing.resolve(why);
  }

  #fail(error: ShoalError): void {
    if (this.#isOver) return;
    this.#end();
    this.#finding.reject(error);
  }

  #end(): void {
    this.#isOver = true;
    clearTimeout(this.#searchTimer);
    this.#stopListening();
  }

  async #giveUp(searchMs: number): Promise<void> {
    const seconds = searchMs / 1_000;
    if (this.#wasDialled) {
      const why = `The host was found, but could not be reached within ${seconds} s. It may have stopped just now.`;
      return this.#fail(new ShoalError('CONNECT_FAILED', why));
    }
    const why = `No host with this Server ID was found within ${seconds} s. Check that the host is running.`;
    const error = await notFoundError(this.#dht, why);
    // A connection that opened meanwhile continues.
    if (this.#links.size === 0) this.#fail(error);
  }
}

/** Adds the model from the greeting, because the dialect's answers do not name it. */
function withModel(event: InferenceEvent, model: string): InferenceEvent {
  return event.type === 'finish' ? { ...event, model } : event;
}

function disconnected(): ShoalError {
  return new ShoalError('HOST_DISCONNECTED', 'The host disconnected. Connect again when it is back.');
}

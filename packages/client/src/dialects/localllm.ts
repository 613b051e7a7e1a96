import { type ClientSession, type InferenceEvent, promptInput, ShoalError } from '@shoal/protocol';
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
import { nobodyOn } from './nobody-on.ts';

/** A LocalLLM host must be found within this time. Then the connection fails with `HOST_OFFLINE`. */
export const HOST_SEARCH_MS = 15_000;
/** Peers of the topic that are met at once: there is one host, and whoever else claims to be it. */
const MAX_CONNECTIONS = 4;

export interface LocalLlmOptions {
  /** A DHT of the caller's, which stays open; without one, there is one for this connection. */
  readonly dht?: Dht | undefined;
  /** `host:port` of DHT nodes to begin at; absent: the public ones. Not needed with `dht`. */
  readonly bootstrap?: readonly string[] | undefined;
  /** Gives up the search; `connectLocalLlm` then rejects with `GENERATION_ABORTED`. */
  readonly signal?: CancelSignal | undefined;
  /** Milliseconds; absent: `HOST_SEARCH_MS`. */
  readonly searchMs?: number | undefined;
  /** What the swarm does, a line each. */
  readonly log?: ((line: string) => void) | undefined;
}

type HostLink = Link<ClientSession<LocalLlmClient>>;

/**
 * Connects to the host of a Server ID, and resolves once it has said who it is. Rejects with `INVALID_SERVER_ID` before any
 * network is touched, `HOST_OFFLINE` where nobody is found in time, `CONNECT_FAILED` where the host was found and cannot be
 * reached or has no room, `TIMEOUT_NO_RESPONSE` where it does not greet, `UNSUPPORTED_VERSION`, and `HOST_DISCONNECTED`.
 */
export async function connectLocalLlm(serverId: string, options: LocalLlmOptions = {}): Promise<LocalLlmHost> {
  const topic = decodeServerId(serverId);
  const { dht: given, bootstrap } = options;
  const dht = given ?? createDht(bootstrap === undefined ? {} : { bootstrap });
  const search = new Search(dht, topic, options);
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

/** A host that has greeted. */
export class LocalLlmHost {
  /** What it said of itself when it greeted. */
  readonly host: { readonly name: string; readonly model: string; readonly status: ServerInfo['status'] };
  /** Resolves with why once the host is gone; never if it is us who close. */
  readonly lost: Promise<ShoalError>;
  readonly #link: HostLink;
  readonly #release: () => Promise<void>;

  constructor({ link, info }: Found, lost: Promise<ShoalError>, release: () => Promise<void>) {
    const { hostName: name, model, status } = info;
    this.host = { name, model, status };
    this.lost = lost;
    this.#link = link;
    this.#release = release;
  }

  /**
   * Asks one prompt; a host remembers none. Yields who answers, texts as they come and exactly one terminal event: `finish`,
   * with reason `length` where a limit of the host cut the answer, or `error`. Throws `BAD_MESSAGE`, as the
   * host would, for a prompt that is empty or longer than 8,192 bytes.
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
      for await (const event of answer) yield named(event, this.host.model);
    } finally {
      stopListening();
      await answer.return();
    }
  }

  /** Undefined where the host is gone. */
  #ask(prompt: string): ReturnType<HostLink['ask']> | undefined {
    try {
      return this.#link.ask({ input: promptInput(prompt), sampling: {}, stop: [] });
    } catch (thrown) {
      if (thrown instanceof ShoalError && thrown.code === 'WORKER_LOST') return undefined;
      throw thrown;
    }
  }
}

interface Found {
  readonly link: HostLink;
  readonly info: ServerInfo;
}

/** Looks for the host until it has greeted, and then minds that connection alone. */
class Search {
  readonly found: Promise<Found>;
  readonly lost: Promise<ShoalError>;
  readonly #dht: Dht;
  readonly #swarm: Swarm;
  readonly #membership: Membership;
  readonly #links = new Set<HostLink>();
  readonly #finding = Promise.withResolvers<Found>();
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

  /** Asked before each dial: somebody announces the topic. Once the host is found, nobody else is wanted. */
  #mayDial(): boolean {
    if (this.#isOver) return false;
    this.#wasDialled = true;
    return true;
  }

  #connected(connection: Connection): void {
    if (this.#isOver) return connection.close();
    // From here on it is the session that waits for the greeting.
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
    // Why a transport broke is nothing to show; what the host or the session said is.
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
    const why = `Nobody with this Server ID was found within ${seconds} s. Check that the host shares it right now.`;
    const error = await nobodyOn(this.#dht, why);
    // Who was met at the last moment is waited for.
    if (this.#links.size === 0) this.#fail(error);
  }
}

/** The dialect does not name the model that answered; the greeting did. */
function named(event: InferenceEvent, model: string): InferenceEvent {
  return event.type === 'finish' ? { ...event, model } : event;
}

function disconnected(): ShoalError {
  return new ShoalError('HOST_DISCONNECTED', 'The host went away. Connect again once it is back.');
}

import type { ClientSession } from '@shoal/protocol';
import { ShoalError } from '@shoal/protocol/error';
import { type LocalLlmClient, localLlmClientSession, type ServerInfo } from '@shoal/protocol/localllm';
import { type Connection, Link } from '@shoal/transport';
import type { Dht } from '@shoal/transport/dht';
import { createSwarm, type Membership, type Swarm } from '@shoal/transport/hyperswarm';
import type { CancelSignal } from '../cancel.ts';
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

export type HostLink = Link<ClientSession<LocalLlmClient>>;

export interface FoundHost {
  readonly link: HostLink;
  readonly info: ServerInfo;
}

/** Looks for the host until it sends its greeting, and then watches that connection only. */
export class HostSearch {
  readonly found: Promise<FoundHost>;
  readonly #dht: Dht;
  readonly #swarm: Swarm;
  readonly #membership: Membership;
  readonly #links = new Set<HostLink>();
  readonly #finding = Promise.withResolvers<FoundHost>();
  readonly #searchTimer: ReturnType<typeof setTimeout>;
  readonly #stopListening: () => void;
  #isOver = false;
  #wasDialled = false;
  #isLost = false;

  constructor(dht: Dht, topic: Uint8Array, { signal, searchMs = HOST_SEARCH_MS, log }: LocalLlmOptions) {
    this.found = this.#finding.promise;
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

  /** True once the host that was found has disconnected. */
  get isLost(): boolean {
    return this.#isLost;
  }

  async close(): Promise<void> {
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
    else if (link.session.side.info !== undefined) this.#isLost = true;
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

/** The error of a host that is gone. */
export function disconnected(): ShoalError {
  return new ShoalError('HOST_DISCONNECTED', 'The host disconnected. Connect again when it is back.');
}

import { ndjsonFramer, type PeerInfo, type PeerStatus, ShoalError } from '@shoal/protocol';
import { checkClusterId, hashedTopic, paddedTopic } from '@shoal/protocol/opengateway';
import { type HelloMessage, MAX_REQUEST_BYTES, PeerSession } from '@shoal/protocol/shoal';
import { type Connection, type Exchange, Link, monotonicNow } from '@shoal/transport';
import type { Dht } from '@shoal/transport/dht';
import { createSwarm, type Membership, type Swarm } from '@shoal/transport/hyperswarm';
import { helloMessage, type SelfDescription } from './hello.ts';
import type { Peer } from './peer.ts';

/** Changes of load are told to peers at most this often. */
const ANNOUNCE_INTERVAL_MS = 200;
/** Connections to and from peers, together. */
export const MAX_CONNECTIONS = 256;

export interface NetworkOptions {
  readonly dht: Dht;
  /** 32 bytes that the node's key pair comes from; absent: a new one each time. */
  readonly seed?: Uint8Array;
  readonly describe: () => SelfDescription;
  readonly status: () => PeerStatus;
  /** Whether OpenGateway's padded topics are joined beside the hashed ones. */
  readonly paddedTopics: boolean;
  /** Requests of peers that share a cluster with us; absent: this node does not lend. */
  readonly onRequest?: (exchange: Exchange) => void;
  readonly onPeersChange?: () => void;
}

interface Cluster {
  readonly memberships: readonly Membership[];
  readonly joinedAt: number;
}

interface Contact {
  readonly link: Link<PeerSession>;
  readonly connectedAt: number;
  lastSeenAt: number;
  info?: PeerInfo;
}

/** The clusters that this node is in and the peers that it is connected to: one swarm, whatever the number of clusters. */
export class Network {
  readonly #options: NetworkOptions;
  readonly #swarm: Swarm;
  readonly #clusters = new Map<string, Cluster>();
  readonly #contacts = new Map<Connection, Contact>();
  readonly #listeners = new Set<() => void>();
  readonly #startedAt = monotonicNow();
  #announceTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: NetworkOptions) {
    this.#options = options;
    this.#swarm = createSwarm({
      dht: options.dht,
      ...(options.seed === undefined ? {} : { seed: options.seed }),
      maxConnections: MAX_CONNECTIONS,
      onConnection: (connection) => this.#connected(connection),
    });
  }

  /** This node's public key, hex. */
  get key(): string {
    return this.#swarm.publicKey;
  }

  get clusters(): readonly string[] {
    return [...this.#clusters.keys()];
  }

  /** When a cluster was joined, on the monotonic clock; undefined for one that is not. */
  joinedAt(cluster: string): number | undefined {
    return this.#clusters.get(cluster)?.joinedAt;
  }

  /** Joins; twice is once. Throws `INVALID_REQUEST` for a bad id. Peers are found from here on, not by the time it returns. */
  join(cluster: string): void {
    checkClusterId(cluster);
    if (this.#clusters.has(cluster)) return;
    const topics = [hashedTopic(cluster), ...(this.#options.paddedTopics ? [paddedTopic(cluster)] : [])];
    const memberships = topics.map((topic) => this.#swarm.join(topic, { server: true, client: true }));
    this.#clusters.set(cluster, { memberships, joinedAt: monotonicNow() });
    this.#tellAll();
  }

  /** Leaves, and parts from the peers that share no other cluster. False where it was not joined. */
  async leave(cluster: string): Promise<boolean> {
    const left = this.#clusters.get(cluster);
    if (left === undefined) return false;
    this.#clusters.delete(cluster);
    this.#tellAll();
    for (const contact of this.#contacts.values()) {
      if (contact.info?.clusters !== undefined && !this.#sharesCluster(contact.info)) contact.link.close();
    }
    await Promise.all(left.memberships.map((membership) => membership.leave()));
    return true;
  }

  /**
   * The peers that share a cluster with us; of one cluster where one is named. A prompt tool, which never says who it is
   * nor where it belongs, is answered and not listed.
   */
  peers(cluster?: string): readonly Peer[] {
    // By key: two that dial each other at once have two connections for a moment, and the newer one stays.
    const peers = new Map<string, Peer>();
    for (const { link, info, connectedAt, lastSeenAt } of this.#contacts.values()) {
      const { key } = link.connection.remote;
      if (info?.clusters === undefined || key === undefined || !this.#sharesCluster(info)) continue;
      peers.set(key, { key, link, info, connectedAt, lastSeenAt });
    }
    const all = [...peers.values()];
    return cluster === undefined ? all : all.filter(({ info }) => info.clusters?.includes(cluster));
  }

  /** Looks for peers again, now. */
  refresh(cluster?: string): void {
    const clusters = cluster === undefined ? [...this.#clusters.values()] : [this.#clusters.get(cluster)];
    for (const membership of clusters.flatMap((joined) => joined?.memberships ?? [])) membership.refresh();
  }

  /** Called at every change of peers or of what they say of themselves. Returns the way to stop listening. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Load or health has changed: peers are told soon. */
  statusChanged(): void {
    this.#announceTimer ??= setTimeout(() => {
      this.#announceTimer = undefined;
      for (const { link } of this.#contacts.values()) link.apply(link.session.announceStatus(monotonicNow()));
    }, ANNOUNCE_INTERVAL_MS);
  }

  async close(): Promise<void> {
    clearTimeout(this.#announceTimer);
    this.#clusters.clear();
    for (const { link } of this.#contacts.values()) link.close();
    await this.#swarm.close();
  }

  #connected(connection: Connection): void {
    const session = new PeerSession({
      framer: ndjsonFramer(MAX_REQUEST_BYTES),
      hello: () => this.#hello(),
      status: this.#options.status,
      idPrefix: this.key.slice(0, 16),
      helloOwed: false,
    });
    const link = new Link(connection, session, {
      peer: (info) => this.#met(contact, info),
      request: (exchange) => this.#asked(contact, exchange),
      close: () => {
        this.#contacts.delete(connection);
        this.#changed();
      },
    });
    const connectedAt = Date.now();
    const contact: Contact = { link, connectedAt, lastSeenAt: connectedAt };
    this.#contacts.set(connection, contact);
    link.start();
  }

  #met(contact: Contact, info: PeerInfo): void {
    contact.info = info;
    contact.lastSeenAt = Date.now();
    this.#changed();
  }

  #asked(contact: Contact, exchange: Exchange): void {
    const { onRequest } = this.#options;
    if (onRequest === undefined) {
      return refuse(exchange, new ShoalError('MODEL_NOT_FOUND', 'This node does not lend.'));
    }
    if (contact.info === undefined || !this.#sharesCluster(contact.info)) {
      return refuse(exchange, ShoalError.unauthorized('This node answers the members of its clusters only.'));
    }
    onRequest(exchange);
  }

  #sharesCluster({ clusters }: PeerInfo): boolean {
    return clusters === undefined ? this.#clusters.size > 0 : clusters.some((cluster) => this.#clusters.has(cluster));
  }

  #hello(): HelloMessage {
    const uptimeSeconds = (monotonicNow() - this.#startedAt) / 1000;
    return helloMessage(this.#options.describe(), { key: this.key, clusters: this.clusters, uptimeSeconds });
  }

  #tellAll(): void {
    for (const { link } of this.#contacts.values()) link.apply(link.session.announce(monotonicNow()));
    this.#changed();
  }

  #changed(): void {
    this.#options.onPeersChange?.();
    for (const listener of this.#listeners) listener();
  }
}

function refuse(exchange: Exchange, error: ShoalError): void {
  void exchange.send({ type: 'error', error });
}

import { type PeerInfo, type PeerStatus, ShoalError } from '@shoal/protocol';
import {
  admissionError,
  type Credentials,
  type HelloMessage,
  type Identity,
  identityOf,
  PeerSession,
  SEED_BYTES,
} from '@shoal/protocol/shoal';
import { type Connection, type Exchange, Link, monotonicNow } from '@shoal/transport';
import type { Dht } from '@shoal/transport/dht';
import { Clusters } from './clusters.ts';
import { type DialledConnection, DirectPeers } from './direct-peers.ts';
import { helloMessage, type SelfDescription } from './hello.ts';
import type { Peer } from './peer.ts';
import { framerFor } from './peer-framer.ts';

/** Changes of load are told to peers at most this often. */
const ANNOUNCE_INTERVAL_MS = 200;
/** Connections to and from the members of all clusters together. More are refused. */
export const MAX_CONNECTIONS = 256;

export interface NetworkOptions {
  /** Where clusters are joined; absent: this node joins none. */
  readonly dht?: Dht | undefined;
  /** `ws:`, `wss:` and `tcp:` addresses of peers that are dialled, in whatever cluster they are. */
  readonly peers?: readonly string[] | undefined;
  /** What opens the doors of those. */
  readonly token?: string | undefined;
  /** 32 bytes that the node's key pair comes from; absent: a new one each time. */
  readonly seed?: Uint8Array | undefined;
  readonly describe: () => SelfDescription;
  readonly status: () => PeerStatus;
  /** Whether OpenGateway's padded topics are joined beside the hashed ones; absent: they are not. */
  readonly paddedTopics?: boolean | undefined;
  /** Requests of peers that share a cluster with us; absent: this node does not lend. */
  readonly onRequest?: ((exchange: Exchange) => void) | undefined;
  readonly onPeersChange?: (() => void) | undefined;
}

interface Contact {
  readonly link: Link<PeerSession>;
  /** Absent for a member of a cluster. */
  readonly dialled: DialledConnection | undefined;
  readonly connectedAt: number;
  lastSeenAt: number;
  info?: PeerInfo | undefined;
  othersLoad?: number | undefined;
}

/** The peers that this node is connected to: members of its clusters, and those that it dials by address. */
export class Network {
  readonly #options: NetworkOptions;
  readonly #identity: Identity;
  readonly #clusters: Clusters | undefined;
  readonly #direct: DirectPeers;
  readonly #contacts = new Map<Connection, Contact>();
  readonly #listeners = new Set<() => void>();
  readonly #startedAt = monotonicNow();
  #announceTimer: ReturnType<typeof setTimeout> | undefined;
  #closing: Promise<void> | undefined;

  /** Throws `INVALID_REQUEST` for an address of a peer that cannot be dialled. */
  constructor(options: NetworkOptions) {
    this.#options = options;
    const { dht, seed = crypto.getRandomValues(new Uint8Array(SEED_BYTES)) } = options;
    this.#identity = identityOf(seed);
    this.#direct = new DirectPeers({
      addresses: options.peers ?? [],
      onConnection: (dialled) => this.#connected(dialled.connection, dialled),
      onChange: () => this.#changed(),
    });
    this.#clusters =
      dht &&
      new Clusters({
        dht,
        seed,
        maxConnections: MAX_CONNECTIONS,
        paddedTopics: options.paddedTopics ?? false,
        onConnection: (connection) => this.#connected(connection),
      });
    this.#direct.start();
  }

  /** This node's public key, hex. */
  get key(): string {
    return this.#identity.key;
  }

  get clusters(): readonly string[] {
    return this.#clusters?.ids ?? [];
  }

  /** How many peers are dialled by address, whether or not they are there. */
  get directPeers(): number {
    return this.#direct.count;
  }

  /** Whether a peer that is dialled by address may be there in a moment. */
  get isDialling(): boolean {
    return this.#direct.isDialling;
  }

  /** Why a peer that is dialled by address is not there; undefined where all are. */
  get problem(): ShoalError | undefined {
    return this.#direct.problem;
  }

  /** When a cluster was joined, on the monotonic clock; undefined for one that is not. */
  joinedAt(cluster: string): number | undefined {
    return this.#clusters?.joinedAt(cluster);
  }

  /**
   * Joins; twice is once. Throws `INVALID_REQUEST` for a bad id, and without a DHT. Peers are found from here on, not by
   * the time it returns.
   */
  join(cluster: string): void {
    if (this.#clusters === undefined) {
      throw ShoalError.invalidRequest('This client only dials peers by address: connect with clusters to join one.');
    }
    if (this.#clusters.join(cluster)) this.#tellAll();
  }

  /** Leaves, and parts from the members that share no other cluster. False where it was not joined. */
  async leave(cluster: string): Promise<boolean> {
    const takeBack = this.#clusters?.leave(cluster);
    if (takeBack === undefined) return false;
    this.#tellAll();
    for (const { link, info, dialled } of this.#contacts.values()) {
      const isMember = dialled === undefined && info?.clusters !== undefined;
      if (isMember && this.#admissionError(info) !== undefined) link.close();
    }
    await takeBack();
    return true;
  }

  /**
   * The peers that share a cluster with us, and those that we dial; where a cluster is named, those that are in it. A
   * prompt tool, which never says who it is nor where it belongs, is answered and not listed.
   */
  peers(cluster?: string): readonly Peer[] {
    // By key: two that dial each other at once have two connections for a moment, and the newer one stays.
    const peers = new Map<string, Peer>();
    for (const contact of this.#contacts.values()) {
      const peer = this.#peer(contact);
      if (peer !== undefined) peers.set(peer.key, peer);
    }
    // One that is met in a cluster too is one peer, whose key is proven there.
    const all = [...peers.values()].filter((peer) => isProven(peer) || !peers.has(peer.info.id ?? ''));
    return cluster === undefined ? all : all.filter(({ info }) => info.clusters?.includes(cluster));
  }

  /** Looks for peers again, now. */
  refresh(cluster?: string): void {
    this.#clusters?.refresh(cluster);
    this.#direct.refresh();
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
      for (const { link } of this.#contacts.values()) link.apply(link.session.announceStatus(link.now()));
    }, ANNOUNCE_INTERVAL_MS);
  }

  /** What this node says of itself, now. */
  hello(): HelloMessage {
    const uptimeSeconds = (monotonicNow() - this.#startedAt) / 1000;
    return helloMessage(this.#options.describe(), { key: this.key, clusters: this.clusters, uptimeSeconds });
  }

  /** Safe to call twice. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearTimeout(this.#announceTimer);
    this.#direct.close();
    const left = this.#clusters?.close();
    for (const { link } of this.#contacts.values()) link.close();
    await left;
  }

  #connected(connection: Connection, dialled?: DialledConnection): void {
    const link = new Link(connection, this.#session(connection, dialled), {
      peer: (info) => this.#met(contact, info),
      request: (exchange) => this.#asked(contact, exchange),
      close: (error) => {
        this.#contacts.delete(connection);
        dialled?.lost(error);
        this.#changed();
      },
    });
    const connectedAt = Date.now();
    const contact: Contact = { link, dialled, connectedAt, lastSeenAt: connectedAt };
    this.#contacts.set(connection, contact);
    link.start();
  }

  #session(connection: Connection, dialled: DialledConnection | undefined): PeerSession {
    return new PeerSession({
      framer: framerFor(connection.remote.transport),
      hello: () => this.hello(),
      status: this.#options.status,
      idPrefix: this.key.slice(0, 16),
      helloOwed: dialled !== undefined,
      ...(dialled === undefined ? {} : { credentials: this.#credentials() }),
    });
  }

  #credentials(): Credentials {
    const { token } = this.#options;
    return { sign: this.#identity.sign, token };
  }

  #met(contact: Contact, info: PeerInfo): void {
    const { status } = info;
    // What it says counts our own requests too, and those are known better here.
    if (status !== undefined && status !== contact.info?.status) {
      contact.othersLoad = Math.max(0, status.active + status.queued - contact.link.openAnswers);
    }
    contact.info = info;
    contact.lastSeenAt = Date.now();
    if (isWelcome(info)) contact.dialled?.welcomed();
    this.#changed();
  }

  #peer({ link, info, dialled, othersLoad, connectedAt, lastSeenAt }: Contact): Peer | undefined {
    if (info?.clusters === undefined) return undefined;
    const key = dialled === undefined ? link.connection.remote.key : dialled.address.text;
    const isListed = dialled === undefined ? this.#admissionError(info) === undefined : isWelcome(info);
    if (key === undefined || !isListed) return undefined;
    return { key, link, info, othersLoad, connectedAt, lastSeenAt };
  }

  #asked(contact: Contact, exchange: Exchange): void {
    const { onRequest } = this.#options;
    if (onRequest === undefined) {
      return refuse(exchange, new ShoalError('MODEL_NOT_FOUND', 'This node does not lend.'));
    }
    const refusal = this.#admissionError(contact.info);
    if (refusal !== undefined) return refuse(exchange, refusal);
    onRequest(exchange);
  }

  #admissionError(peer: PeerInfo | undefined): ShoalError | undefined {
    const clusters = peer === undefined ? [] : peer.clusters;
    return admissionError({ clusters }, { type: 'member', clusters: this.clusters });
  }

  #tellAll(): void {
    for (const { link } of this.#contacts.values()) link.apply(link.session.announce(link.now()));
    this.#changed();
  }

  #changed(): void {
    this.#options.onPeersChange?.();
    for (const listener of this.#listeners) listener();
  }
}

/** A door says how it fares to those only whom it takes in. */
function isWelcome({ status }: PeerInfo): boolean {
  return status !== undefined;
}

function isProven({ key, link }: Peer): boolean {
  return link.connection.remote.key === key;
}

function refuse(exchange: Exchange, error: ShoalError): void {
  void exchange.send({ type: 'error', error });
}

import type { PeerInfo, PeerStatus } from '@shoal/protocol';
import { ShoalError } from '@shoal/protocol/error';
import {
  admissionError,
  type Credentials,
  type HelloMessage,
  type Identity,
  identityOf,
  PeerSession,
  SEED_BYTES,
} from '@shoal/protocol/shoal';
import { type BudgetOption, type Connection, type Exchange, Link, monotonicNow, type Seat } from '@shoal/transport';
import type { Dht } from '@shoal/transport/dht';
import { Clusters } from './clusters.ts';
import { type DialledConnection, DirectPeers } from './direct-peers.ts';
import { helloMessage, type SelfDescription } from './hello.ts';
import type { Peer } from './peer.ts';
import { framerFor } from './peer-framer.ts';

/** Changes of load are sent to peers at most this often. */
const ANNOUNCE_INTERVAL_MS = 200;
/** Connections to and from the members of all clusters together. More are refused, or replace idle ones. */
const MAX_CLUSTER_CONNECTIONS = 256;

/** A member of a cluster that has sent no hello for this long may be a node of an early version, which sends none. */
const SILENT_MEMBER_MS = 2_000;

export interface NetworkOptions extends BudgetOption {
  /** Used to join clusters. Undefined: this node joins none. */
  readonly dht?: Dht | undefined;
  /** `ws:`, `wss:` and `tcp:` addresses of peers to dial. They need not share a cluster with us. */
  readonly peers?: readonly string[] | undefined;
  /** The token that is shown to the peers that are dialled. */
  readonly token?: string | undefined;
  /** 32 bytes from which the node's key pair is derived. Default: random bytes. */
  readonly seed?: Uint8Array | undefined;
  readonly describe: () => SelfDescription;
  readonly status: () => PeerStatus;
  /** Connections to and from members of clusters. Default: `MAX_CLUSTER_CONNECTIONS`. */
  readonly maxConnections?: number | undefined;
  /** True: OpenGateway's padded topics are joined as well as the hashed ones. Default: false. */
  readonly paddedTopics?: boolean | undefined;
  /** Receives the requests of members of the clusters in which this node lends. Undefined: it does not lend. */
  readonly onRequest?: ((exchange: Exchange) => void) | undefined;
  readonly onPeersChange?: (() => void) | undefined;
}

interface PeerConnection {
  readonly link: Link<PeerSession>;
  /** Undefined for a member of a cluster. */
  readonly dialled: DialledConnection | undefined;
  /** Undefined for a peer that is dialled by address. */
  readonly seat: Seat | undefined;
  readonly connectedAt: number;
  /** On the monotonic clock. */
  readonly openedAt: number;
  lastSeenAt: number;
  info?: PeerInfo | undefined;
  othersLoad?: number | undefined;
  /** True: our last hello to it offers our models. */
  isOffered: boolean;
}

/** A peer that has sent nothing. */
const UNKNOWN_PEER: PeerInfo = { dialect: 'opengateway', name: '', models: [] };

/** The peers that this node is connected to: members of its clusters, and those that it dials by address. */
export class Network {
  readonly #options: NetworkOptions;
  readonly #identity: Identity;
  readonly #clusters: Clusters | undefined;
  readonly #direct: DirectPeers;
  readonly #connections = new Map<Connection, PeerConnection>();
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
      onConnection: (dialled) => this.#connected(dialled.connection, { dialled }),
      onChange: () => this.#changed(),
    });
    this.#clusters =
      dht &&
      new Clusters({
        dht,
        seed,
        maxConnections: options.maxConnections ?? MAX_CLUSTER_CONNECTIONS,
        paddedTopics: options.paddedTopics ?? false,
        onConnection: (connection, seat) => this.#connected(connection, { seat }),
      });
    this.#direct.start();
  }

  /** This node's public key in hex. */
  get key(): string {
    return this.#identity.key;
  }

  get clusters(): readonly string[] {
    return this.#clusters?.ids ?? [];
  }

  /** The number of peers that are dialled by address, connected or not. */
  get directPeers(): number {
    return this.#direct.count;
  }

  /** True while a peer that is dialled by address is not connected yet. */
  get isDialling(): boolean {
    return this.#direct.isDialling;
  }

  /** The error of a peer that is dialled by address and not connected. Undefined if there is none. */
  get problem(): ShoalError | undefined {
    return this.#direct.problem;
  }

  /** Returns the time of joining a cluster on the monotonic clock, or undefined for a cluster that is not joined. */
  joinedAt(cluster: string): number | undefined {
    return this.#clusters?.joinedAt(cluster);
  }

  /** True for a joined cluster whose members may send requests, if this node lends. */
  lendsIn(cluster: string): boolean {
    return this.#clusters?.lending.includes(cluster) ?? false;
  }

  /**
   * Joins a cluster. For one that is joined already it only changes `lends`: its members may send requests, if this node
   * lends. Returns before peers are found. Throws `INVALID_REQUEST` for an invalid id, and without a DHT.
   */
  join(cluster: string, { lends = true }: { readonly lends?: boolean | undefined } = {}): void {
    if (this.#clusters === undefined) {
      throw ShoalError.invalidRequest('This client only dials peers by address. Connect with clusters to join one.');
    }
    if (this.#clusters.join(cluster, lends)) this.#announce();
  }

  /** Leaves a cluster and disconnects members that share no other cluster. Returns false if it was not joined. */
  async leave(cluster: string): Promise<boolean> {
    const withdraw = this.#clusters?.leave(cluster);
    if (withdraw === undefined) return false;
    this.#announce();
    for (const { link, info, dialled } of this.#connections.values()) {
      const isMember = dialled === undefined && info?.clusters !== undefined;
      if (isMember && this.#admissionError(info) !== undefined) link.close();
    }
    await withdraw();
    return true;
  }

  /**
   * Returns the peers that share a cluster with us and the ones that we dial. Default: of all clusters. OpenGateway's prompt
   * tools, which send no hello, are answered but not listed.
   */
  peers(cluster?: string): readonly Peer[] {
    // By key: peers that dial each other at the same time have two connections for a moment. The newer one stays.
    const peers = new Map<string, Peer>();
    for (const connection of this.#connections.values()) {
      const peer = this.#peer(connection);
      if (peer !== undefined) peers.set(peer.key, peer);
    }
    // A dialled peer that is also a member of a cluster is one peer. The cluster's connection proves its key.
    const all = [...peers.values()].filter((peer) => isProven(peer) || !peers.has(peer.info.id ?? ''));
    return cluster === undefined ? all : all.filter(({ info }) => info.clusters?.includes(cluster));
  }

  /**
   * Returns the members of a cluster that are connected and have sent no hello for `SILENT_MEMBER_MS`: perhaps OpenGateway
   * nodes of early versions, which only answer. A member is found by a lookup of the cluster, so that a peer which only dials
   * us is none. Default: of all clusters.
   */
  silentMembers(cluster?: string): readonly Peer[] {
    const before = monotonicNow() - SILENT_MEMBER_MS;
    return [...this.#connections.values()].flatMap(({ link, dialled, info = UNKNOWN_PEER, openedAt, ...times }) => {
      const { key } = link.connection.remote;
      const isSilent = dialled === undefined && info.clusters === undefined && openedAt <= before;
      if (!isSilent || key === undefined || this.#clusters?.hasFound(key, cluster) !== true) return [];
      return [{ key, link, info, ...times }];
    });
  }

  /** Looks for peers again now. */
  refresh(cluster?: string): void {
    this.#clusters?.refresh(cluster);
    this.#direct.refresh();
  }

  /** Calls the listener at every change of peers or of their hello or status. Returns a function that removes it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Call when load or health has changed. Peers receive the status within `ANNOUNCE_INTERVAL_MS`. */
  statusChanged(): void {
    this.#announceTimer ??= setTimeout(() => {
      this.#announceTimer = undefined;
      for (const { link } of this.#connections.values()) link.apply(link.session.announceStatus(link.now()));
    }, ANNOUNCE_INTERVAL_MS);
  }

  /** Returns this node's current hello, for a peer to whom its models are offered or not. */
  hello({ offers = true }: { readonly offers?: boolean | undefined } = {}): HelloMessage {
    const uptimeSeconds = (monotonicNow() - this.#startedAt) / 1000;
    const self = this.#options.describe();
    const shown: SelfDescription = offers ? self : { ...self, lends: false, models: [], capacity: undefined };
    return helloMessage(shown, { key: this.key, clusters: this.clusters, uptimeSeconds });
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
    for (const { link } of this.#connections.values()) link.close();
    await left;
  }

  #connected(connection: Connection, { dialled, seat }: Pick<Partial<PeerConnection>, 'dialled' | 'seat'>): void {
    const hello = (): HelloMessage => {
      peer.isOffered = this.#offersTo(peer.info);
      return this.hello({ offers: peer.isOffered });
    };
    const link = new Link(
      connection,
      this.#session(connection, dialled, hello),
      {
        peer: (info) => this.#updated(peer, info),
        request: (exchange) => this.#requested(peer, exchange),
        close: (error) => {
          this.#connections.delete(connection);
          dialled?.lost(error);
          this.#changed();
        },
      },
      this.#options.budget,
    );
    const connectedAt = Date.now();
    const peer: PeerConnection = {
      link,
      dialled,
      seat,
      connectedAt,
      openedAt: monotonicNow(),
      lastSeenAt: connectedAt,
      isOffered: false,
    };
    this.#connections.set(connection, peer);
    seat?.keepWhile(() => link.openAnswers > 0 || this.#lendsToUs(peer));
    link.start();
  }

  #session(connection: Connection, dialled: DialledConnection | undefined, hello: () => HelloMessage): PeerSession {
    return new PeerSession({
      framer: framerFor(connection.remote.transport),
      hello,
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

  #updated(peer: PeerConnection, info: PeerInfo): void {
    const { status } = info;
    // Its status counts our own requests too, and we know their number better.
    if (status !== undefined && status !== peer.info?.status) {
      peer.othersLoad = Math.max(0, status.active + status.queued - peer.link.openAnswers);
    }
    peer.info = info;
    peer.lastSeenAt = Date.now();
    if (hasAccepted(info)) peer.dialled?.accepted();
    const { link } = peer;
    if (this.#offersTo(info) !== peer.isOffered) link.apply(link.session.announce(link.now()));
    this.#changed();
  }

  #peer({ link, info, dialled, othersLoad, connectedAt, lastSeenAt }: PeerConnection): Peer | undefined {
    if (info?.clusters === undefined) return undefined;
    const key = dialled === undefined ? link.connection.remote.key : dialled.address.text;
    const isListed = dialled === undefined ? this.#admissionError(info) === undefined : hasAccepted(info);
    if (key === undefined || !isListed) return undefined;
    return { key, link, info, othersLoad, connectedAt, lastSeenAt };
  }

  #lendsToUs({ info }: PeerConnection): boolean {
    return info !== undefined && info.models.length > 0 && this.#admissionError(info) === undefined;
  }

  #requested(peer: PeerConnection, exchange: Exchange): void {
    peer.seat?.keep();
    const { onRequest } = this.#options;
    if (onRequest === undefined) {
      return refuse(exchange, new ShoalError('MODEL_NOT_FOUND', 'This node does not lend.'));
    }
    const refusal = this.#admissionError(peer.info, this.#clusters?.lending);
    if (refusal !== undefined) return refuse(exchange, refusal);
    onRequest(exchange);
  }

  /** `among`: the clusters of ours that count. Default: all. */
  #admissionError(peer: PeerInfo | undefined, among = this.clusters): ShoalError | undefined {
    const clusters = peer === undefined ? [] : peer.clusters;
    const others = among.length < this.clusters.length;
    return admissionError({ clusters }, { type: 'member', clusters: among, others });
  }

  /** The models are offered to everybody if this node lends in all of its clusters, else to the members of those. */
  #offersTo(peer: PeerInfo | undefined): boolean {
    const { clusters } = this;
    const { lending = [] } = this.#clusters ?? {};
    return lending.length === clusters.length || (peer?.clusters ?? []).some((cluster) => lending.includes(cluster));
  }

  #announce(): void {
    for (const { link } of this.#connections.values()) link.apply(link.session.announce(link.now()));
    this.#changed();
  }

  #changed(): void {
    this.#options.onPeersChange?.();
    for (const listener of this.#listeners) listener();
  }
}

/** A door sends its status only to peers that it has accepted. */
function hasAccepted({ status }: PeerInfo): boolean {
  return status !== undefined;
}

function isProven({ key, link }: Peer): boolean {
  return link.connection.remote.key === key;
}

function refuse(exchange: Exchange, error: ShoalError): void {
  void exchange.send({ type: 'error', error });
}

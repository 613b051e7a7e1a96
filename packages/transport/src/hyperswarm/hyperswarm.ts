import b4a from 'b4a';
import HyperDHT from 'hyperdht';
import type { KeyPair, SecretStream } from 'hyperdht';
import Hyperswarm from 'hyperswarm';
import { ShoalError } from '@shoal/protocol/error';
import type { Connection, ConnectionHandler } from '../connection.ts';
import { hostGroup } from '../host-group.ts';
import type { Dht } from './dht.ts';
import { Gate } from './gate.ts';
import { shareDht } from './shared-dht.ts';
import { TopicMembership } from './membership.ts';
import type { Membership } from './membership.ts';
import type { OwnedSeat } from '../seats.ts';
import { StreamConnection } from '../stream-connection.ts';
import { within } from '../within.ts';

export type { Membership } from './membership.ts';

export const TOPIC_BYTES = 32;
export const SEED_BYTES = 32;

/** Dials at once. A dial to a dead peer takes seconds, and others should not wait for it. */
export const DIALS_MAX = 8;

/** Delays before the first to the fourth dial after a loss. After that, only a lookup finds the peer again. */
export const REDIAL_WAITS_MS = [1_000, 2_000, 5_000, 60_000] as const;

/** Time in which a closing swarm may unannounce its topics. With `DHT_CLOSE_GRACE_MS` it is less than 2 s in all. */
export const SWARM_CLOSE_GRACE_MS = 800;

export interface SwarmOptions {
  readonly dht: Dht;
  /** The swarm's identity. Default: made from `seed`, or else random. */
  readonly keyPair?: KeyPair | undefined;
  /** 32 bytes. */
  readonly seed?: Uint8Array | undefined;
  /** Incoming and outgoing together. */
  readonly maxConnections: number;
  /** Returns false to refuse this peer, incoming and outgoing. Called each time, so the result may change. */
  allow?(publicKey: string): boolean;
  readonly onConnection: ConnectionHandler;
  /** Called with a line for each step of the swarm, to find out why peers do not connect. */
  readonly log?: ((line: string) => void) | undefined;
}

export interface Swarm {
  /** In hex. */
  readonly publicKey: string;
  /** Joins a topic of 32 bytes. Clients find and dial servers. */
  join(topic: Uint8Array, roles: { readonly server: boolean; readonly client: boolean }): Membership;
  /** True if a lookup of this topic has found the connected peer. A connection alone does not show its topic. */
  hasFound(publicKey: string, topic: Uint8Array): boolean;
  /** Leaves every topic and closes every connection. The DHT stays open. */
  close(): Promise<void>;
}

export function createSwarm(options: SwarmOptions): Swarm {
  return new SharedDhtSwarm(options);
}

interface OpenConnection {
  readonly connection: Connection;
  readonly isClosed: Promise<void>;
}

class SharedDhtSwarm implements Swarm {
  readonly publicKey: string;
  readonly #options: SwarmOptions;
  readonly #native: Hyperswarm;
  readonly #gate: Gate;
  readonly #open = new Map<string, OpenConnection>();
  readonly #memberships = new Set<TopicMembership>();
  #closing: Promise<void> | undefined;

  constructor(options: SwarmOptions) {
    this.#options = options;
    this.#gate = new Gate(options.maxConnections);
    if (options.seed !== undefined && options.seed.byteLength !== SEED_BYTES) {
      throw ShoalError.invalidRequest(`The seed of a key pair has ${SEED_BYTES} bytes.`);
    }
    const keyPair = options.keyPair ?? HyperDHT.keyPair(options.seed);
    this.publicKey = hex(keyPair.publicKey);
    this.#native = new Hyperswarm({
      dht: shareDht(options.dht.native),
      keyPair,
      maxPeers: options.maxConnections,
      maxParallel: DIALS_MAX,
      backoffs: REDIAL_WAITS_MS,
      firewall: (key) => !this.#isAllowed(hex(key)),
    });
    // Hyperswarm bans a refused peer for the life of the process, but `allow` may change its result.
    this.#native.on('ban', (peer) => {
      peer.ban(false);
      this.#native.peers.delete(hex(peer.publicKey));
    });
    this.#native.on('connection', (stream) => this.#accept(stream));
    this.#guardServer();
  }

  join(topic: Uint8Array, roles: { readonly server: boolean; readonly client: boolean }): Membership {
    if (topic.byteLength !== TOPIC_BYTES) throw ShoalError.invalidRequest(`A topic has ${TOPIC_BYTES} bytes.`);
    if (this.#closing !== undefined) throw ShoalError.invalidRequest('This swarm is closed.');
    const membership = new TopicMembership(this.#native.join(b4a.from(topic), roles), {
      client: roles.client,
      isAlone: () => this.#open.size === 0,
      // The announcement of the server's own key failed too, and Hyperswarm would repeat it only after five minutes.
      onRecovered: () => this.#native.server.refresh(),
      onLeft: () => this.#memberships.delete(membership),
    });
    this.#memberships.add(membership);
    this.#log(`joins topic ${hex(topic)} as ${roleNames(roles)}`);
    void membership.announced().then(() => this.#log(`has looked up and announced topic ${hex(topic)}`));
    return membership;
  }

  hasFound(publicKey: string, topic: Uint8Array): boolean {
    return this.#native.peers.get(publicKey)?.topics.some((found) => b4a.equals(found, topic)) ?? false;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#gate.close();
    for (const membership of this.#memberships) membership.stop();
    const closed = [...this.#open.values()].map(({ connection, isClosed }) => {
      connection.close();
      return isClosed;
    });
    await Promise.all([within(this.#native.destroy(), SWARM_CLOSE_GRACE_MS), ...closed]);
  }

  /** Refuses at the handshake, before Hyperswarm's own firewall: that one remembers every refused key. */
  #guardServer(): void {
    const { server } = this.#native;
    const original = server.firewall;
    server.firewall = (key, payload, address) => {
      const name = hex(key);
      const isKnown = this.#open.has(name);
      const isAllowed = this.#closing === undefined && this.#isAllowed(name);
      if (!isAllowed || !(isKnown || this.#gate.expect(name, hostGroup(address.host)))) return true;
      return original(key, payload, address);
    };
  }

  #accept(stream: SecretStream): void {
    const key = hex(stream.remotePublicKey);
    if (this.#closing !== undefined || !this.#isAllowed(key)) return this.#refuse(stream);
    // Made before it has a seat: it holds what the peer sends meanwhile, within its bound.
    const connection = new StreamConnection(stream);
    const visitor = { key, group: hostGroup(stream.rawStream.remoteHost ?? key), isDialled: stream.isInitiator };
    const giveUp = this.#gate.enter(visitor, (seat) => {
      if (seat === undefined) this.#refuse(stream);
      else this.#enter(stream, connection, seat);
    });
    stream.on('close', giveUp);
  }

  #refuse(stream: SecretStream): void {
    this.#log(`refuses ${hex(stream.remotePublicKey)}`);
    this.#limitDials();
    stream.destroy();
  }

  #enter(stream: SecretStream, connection: Connection, seat: OwnedSeat): void {
    const key = hex(stream.remotePublicKey);
    this.#log(`${stream.isInitiator ? 'has dialled' : 'was dialled by'} ${key}`);
    const isClosed = new Promise<void>((resolve) => stream.on('close', resolve));
    const entry = { connection, isClosed };
    this.#open.set(key, entry);
    seat.onEvict(() => {
      this.#log(`closes ${key}, which is idle, for another peer`);
      stream.destroy();
    });
    stream.on('close', () => {
      this.#log(`is disconnected from ${key}`);
      if (this.#open.get(key) === entry) this.#open.delete(key);
      seat.leave();
      this.#limitDials();
      if (stream.isInitiator) this.#peersChanged();
    });
    this.#limitDials();
    this.#options.onConnection(connection, seat);
    if (stream.isInitiator) this.#peersChanged();
  }

  /** Hyperswarm stops dialling at `maxPeers`. While a peer is idle, a dial may replace it. After a refusal, none is. */
  #limitDials(): void {
    this.#native.maxPeers = this.#options.maxConnections + (this.#gate.hasIdle ? DIALS_MAX : 0);
  }

  /** Called only for peers that a lookup found. Incoming connections say nothing about the topic. */
  #peersChanged(): void {
    for (const membership of this.#memberships) membership.peersChanged();
  }

  #log(line: string): void {
    this.#options.log?.(line);
  }

  #isAllowed(key: string): boolean {
    return this.#options.allow?.(key) ?? true;
  }
}

function roleNames({ server, client }: { readonly server: boolean; readonly client: boolean }): string {
  return [...(server ? ['server'] : []), ...(client ? ['client'] : [])].join(' and ');
}

function hex(bytes: Uint8Array): string {
  return b4a.toString(bytes, 'hex');
}

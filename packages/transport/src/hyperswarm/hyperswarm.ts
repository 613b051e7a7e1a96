import b4a from 'b4a';
import HyperDHT from 'hyperdht';
import type { KeyPair, SecretStream } from 'hyperdht';
import Hyperswarm from 'hyperswarm';
import { ShoalError } from '@shoal/protocol';
import type { Connection, ConnectionHandler } from '../connection.ts';
import type { Dht } from './dht.ts';
import { Gate } from './gate.ts';
import { shareDht } from './shared-dht.ts';
import { TopicMembership } from './membership.ts';
import type { Membership } from './membership.ts';
import { StreamConnection } from '../stream-connection.ts';
import { within } from '../within.ts';

export type { Membership } from './membership.ts';

export const TOPIC_BYTES = 32;
export const SEED_BYTES = 32;

/** Dials under way at once: the dead keep a dial busy for seconds, and the living should not wait for them. */
export const DIALS_MAX = 8;

/** Waits before the first to the fourth dial after a loss; then only a lookup brings the peer back. */
export const REDIAL_WAITS_MS = [1_000, 2_000, 5_000, 60_000] as const;

/** How long a closing swarm may take to tell the DHT: with the DHT's own leave less than two seconds, also where nobody answers. */
export const SWARM_CLOSE_GRACE_MS = 800;

export interface SwarmOptions {
  readonly dht: Dht;
  /** Who this swarm is: a key pair, or the 32-byte seed of one; without either, somebody new. */
  readonly keyPair?: KeyPair | undefined;
  readonly seed?: Uint8Array | undefined;
  /** In both directions together. */
  readonly maxConnections: number;
  /** Whether this peer may connect, or be dialled. Asked each time, so that it may change its mind. */
  allow?(publicKey: string): boolean;
  readonly onConnection: ConnectionHandler;
  /** What the swarm does, a line each, for whoever looks for the reason why peers do not meet. */
  readonly log?: ((line: string) => void) | undefined;
}

export interface Swarm {
  /** In hex. */
  readonly publicKey: string;
  /** Joins a topic of 32 bytes: `server` is found by others, `client` finds them. */
  join(topic: Uint8Array, roles: { readonly server: boolean; readonly client: boolean }): Membership;
  /** Leaves every topic and closes every connection. The DHT lives on. */
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
    // Hyperswarm bans whom the firewall refused for as long as the process lives; ours is asked again each time.
    this.#native.on('ban', (peer) => {
      peer.ban(false);
      this.#native.peers.delete(hex(peer.publicKey));
    });
    this.#native.on('connection', (stream) => this.#take(stream));
    this.#guardServer();
  }

  join(topic: Uint8Array, roles: { readonly server: boolean; readonly client: boolean }): Membership {
    if (topic.byteLength !== TOPIC_BYTES) throw ShoalError.invalidRequest(`A topic has ${TOPIC_BYTES} bytes.`);
    if (this.#closing !== undefined) throw ShoalError.invalidRequest('This swarm is closed.');
    const membership = new TopicMembership(this.#native.join(b4a.from(topic), roles), {
      client: roles.client,
      isLonely: () => this.#open.size === 0,
      // Its own key was announced to nobody either, and it would only notice after five minutes.
      onRecovered: () => this.#native.server.refresh(),
      onLeft: () => this.#memberships.delete(membership),
    });
    this.#memberships.add(membership);
    this.#log(`joins topic ${hex(topic)} as ${roleNames(roles)}`);
    void membership.announced().then(() => this.#log(`has looked up and announced topic ${hex(topic)}`));
    return membership;
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

  /** Refuses at the handshake, before Hyperswarm's own firewall, which would remember every refused key. */
  #guardServer(): void {
    const { server } = this.#native;
    const original = server.firewall;
    server.firewall = (key, payload, address) => {
      const name = hex(key);
      const isKnown = this.#open.has(name);
      const isWelcome = this.#closing === undefined && this.#isAllowed(name);
      if (!isWelcome || !(isKnown || this.#gate.expect(name, address.host))) return true;
      return original(key, payload, address);
    };
  }

  #take(stream: SecretStream): void {
    const key = hex(stream.remotePublicKey);
    const connection = new StreamConnection(stream);
    const isWelcome = this.#closing === undefined && this.#isAllowed(key);
    const place = isWelcome ? this.#gate.enter(key, stream.rawStream.remoteHost ?? key) : undefined;
    if (place === undefined) {
      this.#log(`refuses ${key}`);
      stream.destroy();
      return;
    }
    this.#log(`${stream.isInitiator ? 'has dialled' : 'was dialled by'} ${key}`);
    const isClosed = new Promise<void>((resolve) => stream.on('close', resolve));
    const entry = { connection, isClosed };
    this.#open.set(key, entry);
    stream.on('close', () => {
      place();
      this.#log(`parts from ${key}`);
      if (this.#open.get(key) === entry) this.#open.delete(key);
      if (stream.isInitiator) this.#peersChanged();
    });
    this.#options.onConnection(connection);
    if (stream.isInitiator) this.#peersChanged();
  }

  /** Only for peers that a lookup brought: those who dial us come and go without being looked for. */
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

/** The members of the Holepunch packages that this package uses: hyperdht 6.34 and hyperswarm 4.17 have no types. */

declare module 'hyperdht' {
  export interface KeyPair {
    readonly publicKey: Uint8Array;
    readonly secretKey: Uint8Array;
  }

  export interface SocketAddress {
    readonly host: string;
    readonly port: number;
  }

  /** An encrypted UDX stream: a streamx duplex. A paused reader does not hold the writer back. */
  export interface SecretStream {
    readonly isInitiator: boolean;
    readonly remotePublicKey: Uint8Array;
    readonly rawStream: { readonly remoteHost: string | null; readonly remotePort: number };
    on(event: 'data', listener: (bytes: Uint8Array) => void): this;
    on(event: 'error', listener: (error: Error) => void): this;
    on(event: 'open' | 'drain' | 'end' | 'close', listener: () => void): this;
    /** Returns false once the stream's buffer is full. `bytes` has less than 16 MiB. */
    write(bytes: Uint8Array): boolean;
    end(): void;
    destroy(error?: Error): void;
  }

  /** A lookup that walks the DHT. It emits one `data` for each node that answers. */
  export interface Query {
    on(event: 'data', listener: (reply: { readonly from: SocketAddress }) => void): this;
    on(event: 'error', listener: (error: Error) => void): this;
    on(event: 'close', listener: () => void): this;
    destroy(): void;
  }

  /** A server that a lookup found. */
  export interface FoundPeer {
    readonly publicKey: Uint8Array;
  }

  export interface Server {
    /** Called at each handshake. True refuses, and the peer gets no answer. */
    firewall: (publicKey: Uint8Array, payload: unknown, address: SocketAddress) => boolean | Promise<boolean>;
    listen(keyPair?: KeyPair): Promise<this>;
    /** Announces the server's key again, within about 3 s. */
    refresh(): void;
    close(): Promise<void>;
  }

  export interface DhtOptions {
    readonly bootstrap?: readonly string[];
    readonly host?: string;
    /** A number, or the ports from the first up to before the second; an empty range lets the system choose. */
    readonly port?: number | readonly [from: number, to: number];
    /** True to use another port if this one is in use. */
    readonly anyPort?: boolean;
    readonly ephemeral?: boolean;
    readonly firewalled?: boolean;
  }

  export default class HyperDHT {
    static readonly BOOTSTRAP: readonly string[];
    static keyPair(seed?: Uint8Array): KeyPair;
    /** `host` is the public address, `options.host` the address to bind. Throws if the port is 0. */
    static bootstrapper(port: number, host: string, options?: DhtOptions): HyperDHT;
    constructor(options?: DhtOptions);
    readonly udx: { networkInterfaces(): readonly { host: string; family: number; internal: boolean }[] };
    bind(): Promise<void>;
    fullyBootstrapped(): Promise<void>;
    address(): SocketAddress;
    findNode(target: Uint8Array): Query;
    /** Finds the servers of a topic. Yields one element for each node that has some. */
    lookup(topic: Uint8Array): AsyncIterable<{ readonly peers: readonly FoundPeer[] }>;
    connect(publicKey: Uint8Array, options?: { readonly keyPair?: KeyPair }): SecretStream;
    createServer(onConnection: (stream: SecretStream) => void): Server;
    on(event: string, listener: (...values: unknown[]) => void): this;
    off(event: string, listener: (...values: unknown[]) => void): this;
    setMaxListeners(count: number): this;
    destroy(options?: { readonly force?: boolean }): Promise<void>;
  }
}

declare module 'hyperswarm' {
  import type HyperDHT from 'hyperdht';
  import type { KeyPair, SecretStream, Server } from 'hyperdht';

  export interface PeerInfo {
    readonly publicKey: Uint8Array;
    /** The topics whose lookups have found this peer. */
    readonly topics: readonly Uint8Array[];
    ban(banned: boolean): void;
  }

  /** One `join` of a topic. The swarm leaves the topic when its last session is destroyed. */
  export interface DiscoverySession {
    /** Looks up, and announces if it is a server. Resolves with false if that failed or no node took the announcement. */
    refresh(): Promise<boolean>;
    /** Resolves with the result of the current refresh; the first is part of the join. */
    flushed(): Promise<boolean>;
    destroy(): Promise<void>;
  }

  /** Hyperswarm has a default for each optional member. */
  export interface SwarmOptions {
    readonly dht: HyperDHT;
    readonly keyPair?: KeyPair;
    /** Stops dialling at this number of connections. Incoming connections are not limited. */
    readonly maxPeers?: number;
    readonly maxParallel?: number;
    /** Delays before the first to the fourth dial after a loss, in milliseconds. */
    readonly backoffs?: readonly [number, number, number, number];
    /** True refuses the peer, also before a dial, and bans it. */
    readonly firewall?: (publicKey: Uint8Array) => boolean;
  }

  export default class Hyperswarm {
    constructor(options: SwarmOptions);
    readonly server: Server;
    readonly peers: Map<string, PeerInfo>;
    /** See `SwarmOptions`. */
    maxPeers: number;
    on(event: 'connection', listener: (stream: SecretStream, peer: PeerInfo) => void): this;
    on(event: 'ban', listener: (peer: PeerInfo) => void): this;
    join(topic: Uint8Array, roles: { readonly server: boolean; readonly client: boolean }): DiscoverySession;
    /** Leaves every topic, closes the server, then destroys the DHT. Connections stay open. */
    destroy(): Promise<void>;
  }
}

/** The few members of the Holepunch packages that this room uses; hyperdht 6.34 and hyperswarm 4.17 bring no types. */

declare module 'hyperdht' {
  export interface KeyPair {
    readonly publicKey: Uint8Array;
    readonly secretKey: Uint8Array;
  }

  export interface SocketAddress {
    readonly host: string;
    readonly port: number;
  }

  /** An encrypted UDX stream: a streamx duplex. It never holds its writer back for the sake of a paused reader. */
  export interface SecretStream {
    readonly isInitiator: boolean;
    readonly remotePublicKey: Uint8Array;
    readonly rawStream: { readonly remoteHost: string | null; readonly remotePort: number };
    on(event: 'data', listener: (bytes: Uint8Array) => void): this;
    on(event: 'error', listener: (error: Error) => void): this;
    on(event: 'open' | 'drain' | 'end' | 'close', listener: () => void): this;
    /** False once the stream's own buffer is full; at most 16 MiB less one byte. */
    write(bytes: Uint8Array): boolean;
    end(): void;
    destroy(error?: Error): void;
  }

  /** A lookup that walks the DHT: one `data` per node that answered. */
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
    /** Asked at each handshake; true refuses, and the peer gets no answer. */
    firewall: (publicKey: Uint8Array, payload: unknown, address: SocketAddress) => boolean | Promise<boolean>;
    listen(keyPair?: KeyPair): Promise<this>;
    /** Announces the server's own key anew, within some 3 s. */
    refresh(): void;
    close(): Promise<void>;
  }

  export interface DhtOptions {
    readonly bootstrap?: readonly string[];
    readonly host?: string;
    readonly port?: number;
    /** Whether another port will do where that one is taken. */
    readonly anyPort?: boolean;
    readonly ephemeral?: boolean;
    readonly firewalled?: boolean;
  }

  export default class HyperDHT {
    static readonly BOOTSTRAP: readonly string[];
    static keyPair(seed?: Uint8Array): KeyPair;
    /** `host` is the address that others see; `options.host` the one it binds. Rejects a port of 0. */
    static bootstrapper(port: number, host: string, options?: DhtOptions): HyperDHT;
    constructor(options?: DhtOptions);
    readonly udx: { networkInterfaces(): readonly { host: string; family: number; internal: boolean }[] };
    bind(): Promise<void>;
    fullyBootstrapped(): Promise<void>;
    address(): SocketAddress;
    findNode(target: Uint8Array): Query;
    /** Who announced a topic: an element for each node that knows of any. */
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
    ban(banned: boolean): void;
  }

  /** One `join` of a topic; the topic is left when its last session is destroyed. */
  export interface DiscoverySession {
    /** Looks up, and announces where it serves. False when it failed; announcing to nobody is a failure. */
    refresh(): Promise<boolean>;
    /** The outcome of the refresh that runs now, which is the join's own at first. */
    flushed(): Promise<boolean>;
    destroy(): Promise<void>;
  }

  /** What is absent is Hyperswarm's own choice. */
  export interface SwarmOptions {
    readonly dht: HyperDHT;
    readonly keyPair?: KeyPair;
    /** It dials nobody while it has that many connections; it takes others' dials without end. */
    readonly maxPeers?: number;
    readonly maxParallel?: number;
    /** Waits before the first to the fourth dial after a loss, in milliseconds. */
    readonly backoffs?: readonly [number, number, number, number];
    /** True refuses the peer, before a dial too, and bans it. */
    readonly firewall?: (publicKey: Uint8Array) => boolean;
  }

  export default class Hyperswarm {
    constructor(options: SwarmOptions);
    readonly server: Server;
    readonly peers: Map<string, PeerInfo>;
    on(event: 'connection', listener: (stream: SecretStream, peer: PeerInfo) => void): this;
    on(event: 'ban', listener: (peer: PeerInfo) => void): this;
    join(topic: Uint8Array, roles: { readonly server: boolean; readonly client: boolean }): DiscoverySession;
    /** Leaves every topic, closes the server, then destroys the DHT. It leaves connections as they are. */
    destroy(): Promise<void>;
  }
}

import { checkClusterId, hashedTopic, paddedTopic } from '@shoal/protocol/opengateway';
import { type ConnectionHandler, monotonicNow } from '@shoal/transport';
import type { Dht } from '@shoal/transport/dht';
import type { Membership, Swarm } from '@shoal/transport/hyperswarm';
import { createSwarm } from '#swarm';

export interface ClustersOptions {
  readonly dht: Dht;
  /** 32 bytes from which the key pair is derived. */
  readonly seed: Uint8Array;
  readonly maxConnections: number;
  /** True: OpenGateway's padded topics are joined as well as the hashed ones. */
  readonly paddedTopics: boolean;
  readonly onConnection: ConnectionHandler;
}

interface Cluster {
  readonly topics: readonly Uint8Array[];
  readonly memberships: readonly Membership[];
  readonly joinedAt: number;
  readonly lends: boolean;
}

/** The clusters that this node is in. All of them share one swarm. */
export class Clusters {
  readonly #swarm: Swarm;
  readonly #paddedTopics: boolean;
  readonly #joined = new Map<string, Cluster>();

  constructor({ paddedTopics, ...options }: ClustersOptions) {
    this.#paddedTopics = paddedTopics;
    this.#swarm = createSwarm(options);
  }

  get ids(): readonly string[] {
    return [...this.#joined.keys()];
  }

  /** The clusters whose members may send requests. */
  get lending(): readonly string[] {
    return [...this.#joined].flatMap(([id, { lends }]) => (lends ? [id] : []));
  }

  /** Returns the time of joining on the monotonic clock, or undefined for a cluster that is not joined. */
  joinedAt(id: string): number | undefined {
    return this.#joined.get(id)?.joinedAt;
  }

  /** Returns false if nothing has changed. Throws `INVALID_REQUEST` for an invalid id. */
  join(id: string, lends: boolean): boolean {
    checkClusterId(id);
    const before = this.#joined.get(id);
    if (before !== undefined) {
      this.#joined.set(id, { ...before, lends });
      return before.lends !== lends;
    }
    const topics = [hashedTopic(id), ...(this.#paddedTopics ? [paddedTopic(id)] : [])];
    const memberships = topics.map((topic) => this.#swarm.join(topic, { server: true, client: true }));
    this.#joined.set(id, { topics, memberships, joinedAt: monotonicNow(), lends });
    return true;
  }

  /** Removes the cluster at once. Returns a function that withdraws its announcements, or undefined if it was not joined. */
  leave(id: string): (() => Promise<unknown>) | undefined {
    const left = this.#joined.get(id);
    if (left === undefined) return undefined;
    this.#joined.delete(id);
    return () => Promise.all(left.memberships.map((membership) => membership.leave()));
  }

  /** Looks for members again now. Default: of all clusters. */
  refresh(id?: string): void {
    for (const membership of this.#all(id).flatMap(({ memberships }) => memberships)) membership.refresh();
  }

  /** True if a lookup of the cluster has found the connected peer with this public key. Default: of any cluster. */
  hasFound(key: string, id?: string): boolean {
    return this.#all(id).some(({ topics }) => topics.some((topic) => this.#swarm.hasFound(key, topic)));
  }

  async close(): Promise<void> {
    this.#joined.clear();
    await this.#swarm.close();
  }

  #all(id: string | undefined): readonly Cluster[] {
    if (id === undefined) return [...this.#joined.values()];
    const joined = this.#joined.get(id);
    return joined === undefined ? [] : [joined];
  }
}

import { checkClusterId, hashedTopic, paddedTopic } from '@shoal/protocol/opengateway';
import { type ConnectionHandler, monotonicNow } from '@shoal/transport';
import type { Dht } from '@shoal/transport/dht';
import type { Membership, Swarm } from '@shoal/transport/hyperswarm';
import { createSwarm } from '#swarm';

export interface ClustersOptions {
  readonly dht: Dht;
  /** 32 bytes that the key pair comes from. */
  readonly seed: Uint8Array;
  readonly maxConnections: number;
  /** Whether OpenGateway's padded topics are joined beside the hashed ones. */
  readonly paddedTopics: boolean;
  readonly onConnection: ConnectionHandler;
}

interface Cluster {
  readonly memberships: readonly Membership[];
  readonly joinedAt: number;
}

/** The clusters that this node is in, and the connections to their members: one swarm, whatever their number. */
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

  /** On the monotonic clock; undefined for one that is not joined. */
  joinedAt(id: string): number | undefined {
    return this.#joined.get(id)?.joinedAt;
  }

  /** False where it was joined already. Throws `INVALID_REQUEST` for a bad id. */
  join(id: string): boolean {
    checkClusterId(id);
    if (this.#joined.has(id)) return false;
    const topics = [hashedTopic(id), ...(this.#paddedTopics ? [paddedTopic(id)] : [])];
    const memberships = topics.map((topic) => this.#swarm.join(topic, { server: true, client: true }));
    this.#joined.set(id, { memberships, joinedAt: monotonicNow() });
    return true;
  }

  /** Forgets the cluster at once, and answers with what takes the announcements back; undefined where it was not joined. */
  leave(id: string): (() => Promise<unknown>) | undefined {
    const left = this.#joined.get(id);
    if (left === undefined) return undefined;
    this.#joined.delete(id);
    return () => Promise.all(left.memberships.map((membership) => membership.leave()));
  }

  /** Looks for members again, now: of one cluster where one is named. */
  refresh(id?: string): void {
    const clusters = id === undefined ? [...this.#joined.values()] : [this.#joined.get(id)];
    for (const membership of clusters.flatMap((joined) => joined?.memberships ?? [])) membership.refresh();
  }

  async close(): Promise<void> {
    this.#joined.clear();
    await this.#swarm.close();
  }
}

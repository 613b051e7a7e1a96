import { monotonicNow } from '@shoal/transport';
import { ShoalError } from '@shoal/protocol/error';
import type { Cancellation } from './cancel.ts';
import type { Network, Peer } from '@shoal/network';

/** A request waits this long for a worker to be found. Then it ends with the reason why there is none. */
const DISCOVERY_WAIT_MS = 5_000;
/** If peers that may answer are known, the search of a cluster ends this long after it was joined. */
const SETTLING_MS = 2_000;

/** Looks for a worker among the peers of a cluster, and waits for one to appear if there is none. */
export class Discovery {
  readonly #network: Network;
  readonly #cluster: string | undefined;
  readonly #cancellation: Cancellation;
  #beganAt: number | undefined;

  constructor(network: Network, cluster: string | undefined, cancellation: Cancellation) {
    this.#network = network;
    this.#cluster = cluster;
    this.#cancellation = cancellation;
  }

  /** Resolves with the first worker that `select` returns, now or after a change of peers. Undefined after a timeout or cancellation. */
  async find(select: () => Peer | undefined): Promise<Peer | undefined> {
    for (;;) {
      const worker = select();
      if (worker !== undefined || this.#cancellation.isCancelled) return worker;
      if (this.#beganAt === undefined) {
        this.#network.refresh(this.#cluster);
        this.#beganAt = monotonicNow();
      }
      const left = this.#giveUpAt(this.#beganAt) - monotonicNow();
      if (left <= 0) return undefined;
      await this.#change(left);
    }
  }

  /** Returns the error for a request without a worker, with what to do. `own` are this node's workers. */
  noWorkerError(model: string | undefined, own: readonly Peer[] = []): ShoalError {
    const peers = this.#network.peers(this.#cluster);
    const lenders = [...peers.filter(({ info }) => info.lends === true), ...own];
    const where = this.#cluster === undefined ? 'your clusters' : `cluster ${this.#cluster}`;
    if (lenders.length === 0) {
      const { problem, directPeers, clusters } = this.#network;
      if (problem !== undefined && this.#cluster === undefined) return problem;
      if (clusters.length === 0 && directPeers === 0) {
        return offline('This node is in no cluster. Join one: shoal connect CLUSTER');
      }
      if (clusters.length === 0)
        return offline(`No worker among the peers that are dialled: ${countText(peers.length)}.`);
      return offline(`No worker in ${where}: ${countText(peers.length)}. Start one there: shoal serve --lend`);
    }
    const models = [...new Set(lenders.flatMap(({ info }) => info.models.map(({ id }) => id)))];
    return ShoalError.modelNotFound(model ?? 'any', models);
  }

  /** In an explored cluster waiting will not bring what none of its peers has. */
  #giveUpAt(beganAt: number): number {
    if (this.#network.isDialling) return beganAt + DISCOVERY_WAIT_MS;
    if (this.#network.clusters.length === 0) return beganAt;
    const isSettled = this.#network.peers(this.#cluster).some(({ info }) => info.lends !== false);
    if (!isSettled) return beganAt + DISCOVERY_WAIT_MS;
    const clusters = this.#cluster === undefined ? this.#network.clusters : [this.#cluster];
    const joinedAt = Math.max(...clusters.map((cluster) => this.#network.joinedAt(cluster) ?? 0));
    return joinedAt + SETTLING_MS;
  }

  #change(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        stopPeers();
        stopCancel();
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      const stopPeers = this.#network.onChange(done);
      const stopCancel = this.#cancellation.onCancel(() => queueMicrotask(done));
    });
  }
}

function countText(peers: number): string {
  if (peers === 0) return 'no peer was found';
  return peers === 1 ? '1 peer was found, and it does not lend' : `${peers} peers were found, and none of them lends`;
}

function offline(why: string): ShoalError {
  return new ShoalError('HOST_OFFLINE', why);
}

import { isObject } from '@shoal/protocol/json';
import { ShoalError } from '@shoal/protocol/error';
import { writeJson } from '@shoal/files/durable-write';
import { readJson } from '@shoal/files/read';
import { homeFiles, type Home } from '@shoal/host/home';

/** A cluster that was joined until it is left. */
export interface KeptCluster {
  readonly id: string;
  /** True if the node was told to lend in it. Undefined in a file of OpenGateway or of version 0.1.0. */
  readonly lend?: boolean | undefined;
}

/** The state that a node keeps between runs: `state.json`, `{ clusters: [{ id, lend }], nodePid }`. */
export class NodeState {
  readonly #path: string;
  readonly #clusters: Map<string, KeptCluster>;
  #pid: number | null = null;
  /** Writes run one after another, so that the last one is on disk at the end. */
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, clusters: readonly KeptCluster[]) {
    this.#path = path;
    this.#clusters = new Map(clusters.map((cluster) => [cluster.id, cluster]));
  }

  /** Throws `INVALID_REQUEST` with the file's name if its content is invalid. */
  static async load(home: Home): Promise<NodeState> {
    const path = homeFiles(home).state;
    return new NodeState(path, keptClusters(path, await readJson(path)));
  }

  get clusters(): readonly KeptCluster[] {
    return [...this.#clusters.values()];
  }

  /**
   * Keeps a cluster, does `work` and returns its result. If the cluster cannot be kept, nothing is done; if the work fails, the
   * cluster is not kept. `lend`: what the user said now. Undefined: what was said before, else not to lend.
   */
  keepCluster<Result>(id: string, lend: boolean | undefined, work: () => Promise<Result>): Promise<Result> {
    const before = this.#clusters.get(id);
    return this.#changing(id, lend === undefined && before !== undefined ? before : { id, lend: lend ?? false }, work);
  }

  /** Forgets a cluster and does `work`, as `keepCluster`. */
  removeCluster(id: string, work: () => Promise<void>): Promise<void> {
    return this.#changing(id, undefined, work);
  }

  /** Null: the node has ended. */
  setPid(pid: number | null): Promise<void> {
    this.#pid = pid;
    return this.#save();
  }

  async #changing<Result>(id: string, cluster: KeptCluster | undefined, work: () => Promise<Result>): Promise<Result> {
    const before = this.#clusters.get(id);
    this.#set(id, cluster);
    try {
      await this.#save();
    } catch (error) {
      this.#set(id, before);
      throw error;
    }
    try {
      return await work();
    } catch (error) {
      this.#set(id, before);
      // The first error is the one to report. What could not be written now is written with the next change.
      await this.#save().catch(() => undefined);
      throw error;
    }
  }

  #set(id: string, cluster: KeptCluster | undefined): void {
    if (cluster === undefined) this.#clusters.delete(id);
    else this.#clusters.set(id, cluster);
  }

  #save(): Promise<void> {
    const write = (): Promise<void> => writeJson(this.#path, { clusters: this.clusters, nodePid: this.#pid });
    const result = this.#writing.then(write);
    // The failure is for the caller. The next write only waits for the end of this one.
    this.#writing = result.catch(() => undefined);
    return result;
  }
}

function keptClusters(path: string, value: unknown): KeptCluster[] {
  if (value === undefined) return [];
  if (isObject(value) && Array.isArray(value['clusters'])) {
    const clusters = value['clusters'].map(keptCluster);
    if (clusters.every((cluster) => cluster !== undefined)) return clusters;
  }
  throw ShoalError.invalidRequest(`${path} must be { "clusters": [{ "id": … }], "nodePid": … }. Repair or delete it.`);
}

function keptCluster(entry: unknown): KeptCluster | undefined {
  const { id, lend } = isObject(entry) ? entry : {};
  if (typeof id !== 'string') return undefined;
  return typeof lend === 'boolean' ? { id, lend } : { id };
}

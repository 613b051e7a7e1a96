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

  /** `lend`: what the user said now. Undefined: what was said before, else not to lend. */
  keepCluster(id: string, lend: boolean | undefined): Promise<void> {
    const before = this.#clusters.get(id);
    if (lend !== undefined || before === undefined) this.#clusters.set(id, { id, lend: lend ?? false });
    return this.#save();
  }

  removeCluster(id: string): Promise<void> {
    this.#clusters.delete(id);
    return this.#save();
  }

  /** Null: the node has ended. */
  setPid(pid: number | null): Promise<void> {
    this.#pid = pid;
    return this.#save();
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

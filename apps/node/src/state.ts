import { isObject } from '@shoal/protocol/json';
import { ShoalError } from '@shoal/protocol/error';
import { writeJson } from '@shoal/files/durable-write';
import { readJson } from '@shoal/files/read';
import { homeFiles, type Home } from '@shoal/host/home';

/** The state that a node keeps between runs: `state.json`, `{ clusters: [{ id }], nodePid }`. */
export class NodeState {
  readonly #path: string;
  readonly #clusters: Set<string>;
  #pid: number | null = null;
  /** Writes run one after another, so that the last one is on disk at the end. */
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, clusters: Iterable<string>) {
    this.#path = path;
    this.#clusters = new Set(clusters);
  }

  /** Throws `INVALID_REQUEST` with the file's name if its content is invalid. */
  static async load(home: Home): Promise<NodeState> {
    const path = homeFiles(home).state;
    return new NodeState(path, clusterIds(path, await readJson(path)));
  }

  get clusters(): readonly string[] {
    return [...this.#clusters];
  }

  addClusters(ids: readonly string[]): Promise<void> {
    for (const id of ids) this.#clusters.add(id);
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
    const write = (): Promise<void> =>
      writeJson(this.#path, { clusters: this.clusters.map((id) => ({ id })), nodePid: this.#pid });
    const result = this.#writing.then(write);
    this.#writing = result.catch(() => undefined);
    return result;
  }
}

function clusterIds(path: string, value: unknown): string[] {
  if (value === undefined) return [];
  if (isObject(value) && Array.isArray(value['clusters'])) {
    const ids = value['clusters'].map((entry: unknown) => (isObject(entry) ? entry['id'] : undefined));
    if (ids.every((id) => typeof id === 'string')) return ids;
  }
  throw ShoalError.invalidRequest(`${path} must be { "clusters": [{ "id": … }], "nodePid": … }. Repair or delete it.`);
}

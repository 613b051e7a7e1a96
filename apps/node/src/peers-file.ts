import type { PeerView } from './api.ts';
import { writeJson } from '@shoal/files/durable-write';
import { homeFiles, type Home } from '@shoal/host/home';

/** The file is written at most once in this time. */
const PEERS_WRITE_INTERVAL_MS = 3_000;

/** Writes `peers.json` for people and tools: `{ updated_at, peers: [...] }`. */
export class PeersFile {
  readonly #path: string;
  readonly #onError: (error: unknown) => void;
  #latest: readonly PeerView[] = [];
  #timer: NodeJS.Timeout | undefined;
  #changed = false;
  #writing: Promise<void> = Promise.resolve();

  /** `onError` receives errors of writes. The node continues without the file. */
  constructor(home: Home, onError: (error: unknown) => void) {
    this.#path = homeFiles(home).peers;
    this.#onError = onError;
  }

  update(peers: readonly PeerView[]): void {
    this.#latest = peers;
    this.#changed = true;
    if (this.#timer !== undefined) return;
    this.#write();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#changed) this.update(this.#latest);
    }, PEERS_WRITE_INTERVAL_MS);
  }

  /** Writes the latest peers. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#changed) this.#write();
    await this.#writing;
  }

  #write(): void {
    this.#changed = false;
    const document = { updated_at: new Date().toISOString(), peers: this.#latest.map(peerEntry) };
    this.#writing = this.#writing.then(() => writeJson(this.#path, document)).catch(this.#onError);
  }
}

function peerEntry(peer: PeerView): Record<string, unknown> {
  return {
    peer_id: peer.id,
    node_name: peer.name,
    clusters: peer.clusters,
    connected_at: peer.connectedAt,
    last_seen_at: peer.lastSeenAt,
  };
}

import { type CountSink, countedLog } from '@shoal/host/counted-log';
import { NAME_CHARACTERS } from '@shoal/host/printable';
import type { PeerView } from './api.ts';

/** Peers that one line of the log names. Of the others it says how many they are. */
const NAMED_PEERS_MAX = 32;

/** Receives the lines; a pino logger is one. */
interface PeersLog extends CountSink {
  info(fields: object, line: string): void;
  info(line: string): void;
}

/** Logs the names of the peers when they change: `Peers: [NodeA, NodeB]`. A peer that changes all the time is counted. */
export class PeersLine {
  readonly #log: PeersLog;
  /** The names that were seen last, by key. */
  #names: ReadonlyMap<string, string> = new Map();

  constructor(log: PeersLog) {
    this.#log = log;
  }

  update(views: readonly PeerView[]): void {
    const names = new Map(views.map(({ id, name }) => [id, name.slice(0, NAME_CHARACTERS)]));
    const changed = changedKey(this.#names, names);
    this.#names = names;
    if (changed === undefined) return;
    countedLog(this.#log).write('peers', changed, () => this.#write(names));
  }

  #write(names: ReadonlyMap<string, string>): void {
    // Sorted, because the same peers in another order are not a change.
    const sorted = [...names.values()].toSorted();
    const peers = sorted.slice(0, NAMED_PEERS_MAX);
    const others = sorted.length > peers.length ? [`and ${sorted.length - peers.length} more`] : [];
    this.#log.info({ peers }, `Peers: [${[...peers, ...others].join(', ')}]`);
  }
}

/** Returns a key whose name differs, or that only one of the maps has. Undefined if there is none. */
function changedKey(before: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): string | undefined {
  const differs = (key: string): boolean => before.get(key) !== now.get(key);
  return [...now.keys(), ...before.keys()].find(differs);
}

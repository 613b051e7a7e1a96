import { peerGroup, type Remote } from '../connection.ts';
import { LargeFrames } from './large-frames.ts';
import { Scope } from './scope.ts';
import { UsedTime, Turns } from './turns.ts';

const MIB = 1024 * 1024;
/** The memory for the data of peers is this part of the machine's memory, within the two limits below. */
const MACHINE_SHARE = 1 / 32;
const BUDGET_BYTES_MIN = 64 * MIB;
/** The memory for the data of peers on a machine with enough of it, and in programs that set nothing. */
const BUDGET_BYTES_MAX = 128 * MIB;
/** The part that one door may use. */
const DOOR_SHARE = 7 / 8;
/** The part that one peer may use, which is one address. */
const PEER_SHARE = 3 / 4;

/** The part of an incomplete message that each connection may hold. For more, the whole message must have room. */
export const PARTIAL_BYTES_FREE = 32 * 1024;

/** Returns the memory for the data of peers on a machine with this much memory. */
export function budgetBytes(machineBytes: number): number {
  return Math.floor(Math.min(Math.max(machineBytes * MACHINE_SHARE, BUDGET_BYTES_MIN), BUDGET_BYTES_MAX));
}

export interface BudgetOptions {
  /** Default: 128 MiB. */
  readonly limitBytes?: number | undefined;
  /** Default: turns of its own. */
  readonly turns?: Turns | undefined;
}

/** The memory and the time of a process for the data of its peers. */
export class Budget {
  readonly #root: Scope;
  readonly #turns: Turns;
  readonly #frames: LargeFrames;

  constructor({ limitBytes = BUDGET_BYTES_MAX, turns = new Turns() }: BudgetOptions = {}) {
    this.#root = new Scope(limitBytes);
    this.#turns = turns;
    this.#frames = new LargeFrames(this.#root);
  }

  /** The bytes that are held for peers now. */
  get usedBytes(): number {
    return this.#root.usedBytes;
  }

  /** Returns a new part, for the connections of one door. */
  door(): DoorBudget {
    const { limitBytes } = this.#root;
    return new DoorBudget({
      scope: new Scope(limitBytes * DOOR_SHARE, this.#root),
      peerLimitBytes: limitBytes * PEER_SHARE,
      turns: this.#turns,
      frames: this.#frames,
    });
  }
}

interface DoorParts {
  readonly scope: Scope;
  readonly peerLimitBytes: number;
  readonly turns: Turns;
  readonly frames: LargeFrames;
}

interface PeerPart {
  readonly scope: Scope;
  readonly time: UsedTime;
  connections: number;
}

/** The part of a budget for the connections of one door. */
export class DoorBudget {
  readonly #parts: DoorParts;
  readonly #peers = new Map<string, PeerPart>();

  constructor(parts: DoorParts) {
    this.#parts = parts;
  }

  /** Returns the part for a new connection. Connections of one peer share a limit. */
  connection(remote: Remote): ConnectionBudget {
    const { turns, frames } = this.#parts;
    const name = peerGroup(remote);
    const peer = this.#peer(name);
    peer.connections += 1;
    return new ConnectionBudget({ scope: new Scope(Infinity, peer.scope), time: peer.time, turns, frames }, () => {
      peer.connections -= 1;
      if (peer.connections === 0) this.#peers.delete(name);
    });
  }

  #peer(name: string): PeerPart {
    const known = this.#peers.get(name);
    if (known !== undefined) return known;
    const { scope, peerLimitBytes } = this.#parts;
    const peer: PeerPart = { scope: new Scope(peerLimitBytes, scope), time: new UsedTime(), connections: 0 };
    this.#peers.set(name, peer);
    return peer;
  }
}

interface ConnectionParts {
  readonly scope: Scope;
  readonly time: UsedTime;
  readonly turns: Turns;
  readonly frames: LargeFrames;
}

/** The part of a budget for one connection. */
export class ConnectionBudget {
  readonly scope: Scope;
  /** The time that the peer has used, in all its connections of this door. */
  readonly time: UsedTime;
  readonly turns: Turns;
  readonly frames: LargeFrames;
  readonly #onClose: () => void;

  constructor({ scope, time, turns, frames }: ConnectionParts, onClose: () => void) {
    this.scope = scope;
    this.time = time;
    this.turns = turns;
    this.frames = frames;
    this.#onClose = onClose;
  }

  /** Releases everything that the connection holds. Call once. */
  close(): void {
    this.scope.close();
    this.#onClose();
  }
}

/** An option of everything that opens links. */
export interface BudgetOption {
  /** The memory and the time for the links. Default: a part that all links without their own share. */
  readonly budget?: DoorBudget | undefined;
}

/** The part of links that are given none, as those of clients: all of them share it. */
export const defaultDoor = new Budget().door();

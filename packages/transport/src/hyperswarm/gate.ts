import { Caps } from '../caps.ts';

/** Peers between handshake and connection at once. */
export const HANDSHAKES_MAX = 32;

/** How long a handshake that leads to no connection keeps its place. */
const HANDSHAKE_TIMEOUT_MS = 10_000;

interface Expected {
  readonly place: () => void;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** Counts a swarm's connections from the handshake on, when refusing one is still cheap. */
export class Gate {
  readonly #caps: Caps;
  readonly #expected = new Map<string, Expected>();

  constructor(maxConnections: number) {
    this.#caps = new Caps({ total: maxConnections });
  }

  /** At the handshake: whether there is a place for this key, which is then kept for it. */
  expect(key: string, host: string): boolean {
    if (this.#expected.has(key)) return true;
    if (this.#expected.size >= HANDSHAKES_MAX) return false;
    const place = this.#caps.take(host);
    if (place === undefined) return false;
    const timer = setTimeout(() => this.#forget(key)?.(), HANDSHAKE_TIMEOUT_MS);
    this.#expected.set(key, { place, timer });
    return true;
  }

  /** The key's connection is there: its place, kept or new; undefined where there is none. */
  enter(key: string, host: string): (() => void) | undefined {
    return this.#forget(key) ?? this.#caps.take(host);
  }

  close(): void {
    for (const key of this.#expected.keys()) this.#forget(key)?.();
  }

  #forget(key: string): (() => void) | undefined {
    const expected = this.#expected.get(key);
    if (expected === undefined) return undefined;
    clearTimeout(expected.timer);
    this.#expected.delete(key);
    return expected.place;
  }
}

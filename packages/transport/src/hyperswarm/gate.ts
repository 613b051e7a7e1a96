import { Caps } from '../caps.ts';

/** Peers at once that have begun a handshake and are not connected yet. */
export const HANDSHAKES_MAX = 32;

/** Time after which a handshake without a connection loses its place. */
const HANDSHAKE_TIMEOUT_MS = 10_000;

interface Expected {
  readonly release: () => void;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** Limits a swarm's connections from the handshake on, when refusing one is still cheap. */
export class Gate {
  readonly #caps: Caps;
  readonly #expected = new Map<string, Expected>();

  constructor(maxConnections: number) {
    this.#caps = new Caps({ total: maxConnections });
  }

  /** Called at the handshake: reserves a place for this key. Returns false if a limit is reached. */
  expect(key: string, host: string): boolean {
    if (this.#expected.has(key)) return true;
    if (this.#expected.size >= HANDSHAKES_MAX) return false;
    const release = this.#caps.reserve(host);
    if (release === undefined) return false;
    const timer = setTimeout(() => this.#forget(key)?.(), HANDSHAKE_TIMEOUT_MS);
    this.#expected.set(key, { release, timer });
    return true;
  }

  /**
   * Called when the key is connected. Returns the function that releases its place, reserved before or now; undefined if a
   * limit is reached.
   */
  enter(key: string, host: string): (() => void) | undefined {
    return this.#forget(key) ?? this.#caps.reserve(host);
  }

  close(): void {
    for (const key of this.#expected.keys()) this.#forget(key)?.();
  }

  #forget(key: string): (() => void) | undefined {
    const expected = this.#expected.get(key);
    if (expected === undefined) return undefined;
    clearTimeout(expected.timer);
    this.#expected.delete(key);
    return expected.release;
  }
}

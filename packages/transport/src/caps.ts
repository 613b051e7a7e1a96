/** Connections from one address, unless it is a loopback address. More are refused. */
export const CONNECTIONS_PER_ADDRESS_MAX = 16;

/** Connections of one loopback address at once. It is higher because all programs of the machine share the address. */
export const CONNECTIONS_PER_LOOPBACK_ADDRESS_MAX = 1_024;

/** Returns true for `localhost`, `::1` and `127.0.0.0/8`. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

export interface CapLimits {
  /** Connections of all addresses together. */
  readonly total: number;
  /** Default: the two constants above. */
  readonly perAddress?: number | undefined;
}

/** Counts connections against a total limit and a limit for each address. */
export class Caps {
  readonly #limits: CapLimits;
  readonly #byAddress = new Map<string, number>();
  #total = 0;

  constructor(limits: CapLimits) {
    this.#limits = limits;
  }

  /**
   * Reserves a place for a connection from this address. Returns the function that releases it (further calls do nothing),
   * or undefined if a limit is reached.
   */
  reserve(address: string): (() => void) | undefined {
    const fromAddress = this.#byAddress.get(address) ?? 0;
    if (this.#total >= this.#limits.total || fromAddress >= this.#addressLimit(address)) return undefined;
    this.#total += 1;
    this.#byAddress.set(address, fromAddress + 1);
    let isReserved = true;
    return () => {
      if (!isReserved) return;
      isReserved = false;
      this.#release(address);
    };
  }

  #release(address: string): void {
    this.#total -= 1;
    const left = (this.#byAddress.get(address) ?? 1) - 1;
    if (left === 0) this.#byAddress.delete(address);
    else this.#byAddress.set(address, left);
  }

  #addressLimit(address: string): number {
    if (this.#limits.perAddress !== undefined) return this.#limits.perAddress;
    return isLoopback(address) ? CONNECTIONS_PER_LOOPBACK_ADDRESS_MAX : CONNECTIONS_PER_ADDRESS_MAX;
  }
}

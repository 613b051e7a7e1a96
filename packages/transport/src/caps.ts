/** Connections from one address, unless it is a loopback address. More are refused. */
export const CONNECTIONS_PER_ADDRESS_MAX = 16;

/** Connections that a loopback address may have: many programs of one machine share it. */
export const CONNECTIONS_PER_LOOPBACK_ADDRESS_MAX = 1_024;

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

export interface CapLimits {
  readonly total: number;
  /** Without it the two constants above hold. */
  readonly perAddress?: number | undefined;
}

/** How many connections there may be, in all and from one address. */
export class Caps {
  readonly #limits: CapLimits;
  readonly #byAddress = new Map<string, number>();
  #total = 0;

  constructor(limits: CapLimits) {
    this.#limits = limits;
  }

  /** A place for a connection from this address, or undefined where there is none. Calling it gives it back, once. */
  take(address: string): (() => void) | undefined {
    const fromAddress = this.#byAddress.get(address) ?? 0;
    if (this.#total >= this.#limits.total || fromAddress >= this.#addressLimit(address)) return undefined;
    this.#total += 1;
    this.#byAddress.set(address, fromAddress + 1);
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      this.#giveBack(address);
    };
  }

  #giveBack(address: string): void {
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

import koffi from 'koffi';
import { addressOf } from './library.ts';
import type { Pointer } from './structures.ts';

/** `sem_t` of glibc and musl has 32 bytes, and begins with the count. */
export const NODE_COUNTER_INTS = 8;

/**
 * Counts the nodes of the graphs that the processor has computed, so that another thread sees the progress of one long `decode`.
 *
 * ggml calls `abort_callback` after each node, in the thread that decodes. A function in JavaScript would cost more than
 * most nodes. `sem_post` has the callback's signature, adds 1 to a number in memory in a few nanoseconds, and returns 0,
 * which means to continue. A semaphore counts to 2³¹, so it is set to zero for each batch.
 */
export class NodeCounter {
  /** Undefined where the C library has no such function for memory of this process. */
  readonly callback: Pointer | undefined;
  readonly #count: Int32Array;

  /** `count` has `NODE_COUNTER_INTS` elements, all zero. */
  constructor(count: Int32Array) {
    this.#count = count;
    this.callback = process.platform === 'linux' ? findFunction('sem_post') : undefined;
  }

  /** The parameters of a context that counts its nodes. */
  get parameters(): { readonly abort_callback: Pointer; readonly abort_callback_data: Pointer } | undefined {
    if (this.callback === undefined) return undefined;
    return { abort_callback: this.callback, abort_callback_data: addressOf(this.#count) };
  }

  reset(): void {
    Atomics.store(this.#count, 0, 0);
  }
}

/** Returns the address of a function of the C library, or undefined if it has none of this name. */
function findFunction(name: string): Pointer | undefined {
  try {
    const address: unknown = koffi.load(null).symbol(name);
    return typeof address === 'bigint' ? address : undefined;
  } catch {
    // koffi throws a plain error if there is no such symbol.
    return undefined;
  }
}

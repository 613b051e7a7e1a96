import { bindAddress, DEVICE_TYPES, type Library } from './library.ts';
import type { Pointer } from './structures.ts';

/**
 * A pool of threads that is kept between tokens. Otherwise ggml starts its threads again for every token, and if the system
 * schedules one on a busy core, the others spin until it runs.
 */
export class Threadpool {
  readonly threads: number;
  readonly pointer: Pointer | undefined;
  readonly #free: ((pool: Pointer) => void) | undefined;

  constructor(library: Library, threads: number) {
    this.threads = threads;
    const device = library.deviceByType(DEVICE_TYPES.cpu);
    if (device === null) return;
    const registry = library.deviceRegistry(device);
    const create = library.registryFunction(registry, 'ggml_threadpool_new');
    const free = library.registryFunction(registry, 'ggml_threadpool_free');
    if (create === null || free === null) return;
    this.pointer = bindAddress<(parameters: object) => Pointer>(
      create,
      'void* ggml_threadpool_new(ggml_threadpool_params*)',
    )(library.threadpoolDefaults(threads));
    this.#free = bindAddress<(pool: Pointer) => void>(free, 'void ggml_threadpool_free(void*)');
  }

  free(): void {
    if (this.pointer !== undefined) this.#free?.(this.pointer);
  }
}

import type { Engine } from '@shoal/engine';
import { ShoalError } from '@shoal/protocol/error';
import { NOT_MOUNTED } from '@shoal/protocol/donate';
import type { ModelFile } from './model-file.ts';
import type { StagedModel } from './staged-model.ts';

/** Creates the engine of a model file. The engine loads the file at its first call of `models`. */
export type Mount = (
  file: string,
  options: { readonly name: string; readonly contextLength?: number | undefined },
) => Engine;

/** The name of a model whose client sends none. */
const NAMELESS = 'pushed model';

export interface ModelSlotOptions {
  readonly mount: Mount;
  /** A loaded model that no connection uses stays this long. */
  readonly keepAliveMs: number;
  /** Receives the errors of engines that fail to close and of files that cannot be removed. Neither prevents the next load. */
  readonly onError: (error: ShoalError) => void;
}

interface LoadedModel {
  readonly file: ModelFile;
  readonly contextLength: number | undefined;
  readonly engine: Engine;
}

/**
 * Holds at most one loaded model in memory, for all connections. A model is loaded when a job needs it, and replaces the one
 * before. Connections that pushed the same file and ask for the same context share it.
 */
export class ModelSlot {
  readonly #options: ModelSlotOptions;
  #loaded: LoadedModel | undefined;
  #emptied: Promise<void> = Promise.resolve();
  #unusedTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ModelSlotOptions) {
    this.#options = options;
  }

  /** Loads this model and returns its engine. Rejects with an error fit for the client if it cannot be loaded or is gone. */
  async load(model: StagedModel): Promise<Engine> {
    if (!this.#holds(model)) await this.#empty();
    if (model.isOver) throw notMounted();
    this.#loaded ??= this.#mount(model);
    const { engine } = this.#loaded;
    try {
      await engine.models();
      return engine;
    } catch (thrown) {
      if (this.#loaded?.engine === engine) await this.#empty();
      throw cannotLoad(thrown, model);
    }
  }

  /** Call when a connection no longer uses its model: the last one starts the time after which it is unloaded. */
  left(): void {
    if (!this.#isUnused) return;
    clearTimeout(this.#unusedTimer);
    this.#unusedTimer = setTimeout(() => void this.emptyIfUnused(), this.#options.keepAliveMs);
  }

  /** Unloads the model if no connection uses it. Resolves with true if that has removed a file. */
  async emptyIfUnused(): Promise<boolean> {
    if (!this.#isUnused) return false;
    await this.#empty();
    return true;
  }

  close(): Promise<void> {
    return this.#empty();
  }

  get #isUnused(): boolean {
    return this.#loaded?.file.users === 1;
  }

  #holds({ file, configuration }: StagedModel): boolean {
    return this.#loaded?.file === file && this.#loaded.contextLength === configuration.contextLength;
  }

  /** The slot is a user of the file, because an engine may read it again after a crash. */
  #mount({ file, configuration: { name = NAMELESS, contextLength } }: StagedModel): LoadedModel {
    const engine = this.#options.mount(file.path, { name, contextLength });
    file.join();
    return { file, contextLength, engine };
  }

  #empty(): Promise<void> {
    clearTimeout(this.#unusedTimer);
    const loaded = this.#loaded;
    this.#loaded = undefined;
    if (loaded !== undefined) this.#emptied = this.#emptied.then(() => this.#release(loaded));
    return this.#emptied;
  }

  async #release({ engine, file }: LoadedModel): Promise<void> {
    for (const step of [() => engine.close(), () => file.leave()]) {
      try {
        await step();
      } catch (thrown) {
        this.#options.onError(ShoalError.from(thrown));
      }
    }
  }
}

export function notMounted(): ShoalError {
  return new ShoalError('MODEL_NOT_FOUND', NOT_MOUNTED);
}

/** Returns the error for the client, without the path of the file on this disk. */
function cannotLoad(thrown: unknown, { file }: StagedModel): ShoalError {
  const { code, message } = ShoalError.from(thrown);
  return new ShoalError(code, message.replaceAll(file.path, 'that was pushed'), { cause: thrown });
}

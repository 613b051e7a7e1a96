import type { Engine } from '@shoal/engine';
import { ShoalError } from '@shoal/protocol/error';
import { NOT_MOUNTED } from '@shoal/protocol/donate';
import type { StagedModel } from './staged-model.ts';

/** Creates the engine of a model file. The engine loads the file at its first call of `models`. */
export type Mount = (
  file: string,
  options: { readonly name: string; readonly contextLength?: number | undefined },
) => Engine;

/** The name of a model whose client sends none. */
const NAMELESS = 'pushed model';

/**
 * Holds at most one loaded model in memory, for all connections. A model is loaded when a job needs it, and replaces the one
 * before. An engine that fails to close is reported to `onError` and does not prevent the next from loading.
 */
export class ModelSlot {
  readonly #mount: Mount;
  readonly #onError: (error: ShoalError) => void;
  #loaded: { readonly model: StagedModel; readonly engine: Engine } | undefined;
  #emptied: Promise<void> = Promise.resolve();

  constructor(mount: Mount, onError: (error: ShoalError) => void) {
    this.#mount = mount;
    this.#onError = onError;
  }

  /** Loads this model and returns its engine. Rejects with an error fit for the client if it cannot be loaded or is gone. */
  async load(model: StagedModel): Promise<Engine> {
    if (this.#loaded?.model !== model) await this.#empty();
    if (model.isOver) throw notMounted();
    this.#loaded ??= { model, engine: this.#mount(model.file, mountOptions(model)) };
    const { engine } = this.#loaded;
    try {
      await engine.models();
      return engine;
    } catch (thrown) {
      await this.unload(model);
      throw cannotLoad(thrown, model);
    }
  }

  /** Resolves once this model is not in memory. */
  unload(model: StagedModel): Promise<void> {
    return this.#loaded?.model === model ? this.#empty() : this.#emptied;
  }

  close(): Promise<void> {
    return this.#empty();
  }

  #empty(): Promise<void> {
    const loaded = this.#loaded;
    this.#loaded = undefined;
    if (loaded !== undefined) this.#emptied = this.#emptied.then(() => this.#closeEngine(loaded.engine));
    return this.#emptied;
  }

  async #closeEngine(engine: Engine): Promise<void> {
    try {
      await engine.close();
    } catch (thrown) {
      this.#onError(ShoalError.from(thrown));
    }
  }
}

export function notMounted(): ShoalError {
  return new ShoalError('MODEL_NOT_FOUND', NOT_MOUNTED);
}

function mountOptions({ configuration: { name, contextLength } }: StagedModel): Parameters<Mount>[1] {
  return {
    name: name ?? NAMELESS,
    contextLength,
  };
}

/** Returns the error for the client, without the path of the file on this disk. */
function cannotLoad(thrown: unknown, { file }: StagedModel): ShoalError {
  const { code, message } = ShoalError.from(thrown);
  return new ShoalError(code, message.replaceAll(file, 'that was pushed'), { cause: thrown });
}

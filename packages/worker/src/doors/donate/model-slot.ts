import type { Engine } from '@shoal/engine';
import { ShoalError } from '@shoal/protocol';
import { NOT_MOUNTED } from '@shoal/protocol/donate';
import type { StagedModel } from './staged-model.ts';

/** Makes the engine of a model file; it loads once it is first asked for its models. */
export type Mount = (
  file: string,
  options: { readonly name: string; readonly contextLength?: number | undefined },
) => Engine;

/** What a model is called whose owner does not say. */
const NAMELESS = 'pushed model';

/**
 * The one place in memory that the models of all connections share: each is loaded when it is asked, in place of the last.
 * One whose engine does not close is told to `onError`, and no hindrance to the next.
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

  /** The loaded engine of this model. Rejects with what its owner may know where it cannot be loaded, or is gone. */
  async take(model: StagedModel): Promise<Engine> {
    if (this.#loaded?.model !== model) await this.#empty();
    if (model.isOver) throw notMounted();
    this.#loaded ??= { model, engine: this.#mount(model.file, mountOptions(model)) };
    const { engine } = this.#loaded;
    try {
      await engine.models();
      return engine;
    } catch (thrown) {
      await this.release(model);
      throw cannotLoad(thrown, model);
    }
  }

  /** Resolves once this model is not in memory. */
  release(model: StagedModel): Promise<void> {
    return this.#loaded?.model === model ? this.#empty() : this.#emptied;
  }

  close(): Promise<void> {
    return this.#empty();
  }

  #empty(): Promise<void> {
    const loaded = this.#loaded;
    this.#loaded = undefined;
    if (loaded !== undefined) this.#emptied = this.#emptied.then(() => this.#unload(loaded.engine));
    return this.#emptied;
  }

  async #unload(engine: Engine): Promise<void> {
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

/** The reason is for whoever pushed it; where it lies on this disk is not. */
function cannotLoad(thrown: unknown, { file }: StagedModel): ShoalError {
  const { code, message } = ShoalError.from(thrown);
  return new ShoalError(code, message.replaceAll(file, 'that was pushed'), { cause: thrown });
}

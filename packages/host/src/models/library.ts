import { parseName, pull, type PullProgress } from '@shoal/models';
import { ShoalError } from '@shoal/protocol/error';
import type { Home } from '../home/home.ts';
import { printableName } from '../printable.ts';
import { hubOptions } from './hubs.ts';
import { findModel, type ModelPlaces, modelPlaces, openModelStore } from './model-files.ts';

export type { PullProgress };

/** The changes that programs make to the models of a home while its node runs. */
export class ModelLibrary {
  readonly #home: Home;
  readonly #places: ModelPlaces;

  /** `folders` contain GGUF files. */
  constructor(home: Home, folders: readonly string[] | undefined) {
    this.#home = home;
    this.#places = modelPlaces(home, folders);
  }

  /**
   * Downloads a model into the store. Throws the errors of `pull`, `INVALID_REQUEST` for a file of this machine, and the
   * signal's reason after an abort.
   */
  async pull(source: string, onProgress: (progress: PullProgress) => void, signal: AbortSignal): Promise<void> {
    if (/^file:/i.test(source)) {
      throw ShoalError.invalidRequest('Files of this machine are added with "shoal pull file:PATH", not by this call.');
    }
    await pull(await openModelStore(this.#home), source, { ...hubOptions(process.env), onProgress, signal });
  }

  /** Removes a name, and the files that no other name uses. Throws `MODEL_NOT_FOUND`, `INVALID_REQUEST`. */
  async remove(name: string): Promise<void> {
    const own = await this.#ownName(name, 'Remove it there.');
    await (await openModelStore(this.#home)).remove(own);
  }

  /** Gives a model of the store another name. Throws `MODEL_NOT_FOUND`, `INVALID_REQUEST`. */
  async copy(source: string, destination: string): Promise<void> {
    const name = parseName(destination);
    const own = await this.#ownName(source, 'Pull it first.');
    await (await openModelStore(this.#home)).copy(own, name);
  }

  /** Returns the name in the store. Paths are no names here, because callers may be other users. */
  async #ownName(text: string, advice: string): Promise<string> {
    const model = await findModel(this.#places, parseName(text));
    if (model.owner === 'shoal') return model.name;
    const name = printableName(text);
    if (model.owner === 'demo') throw ShoalError.invalidRequest(`"${name}" comes with Shoal and is not in its store.`);
    throw ShoalError.invalidRequest(`"${name}" belongs to another program. ${advice}`);
  }
}

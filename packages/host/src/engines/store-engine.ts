import type { Engine, EngineAbilities, ResidentModel } from '@shoal/engine';
import { modelForRequest } from '@shoal/engine/request-check';
import type { InferenceEvent } from '@shoal/protocol';
import type { InferenceRequest } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import type { StoredModelInfo } from '../models/stored-models.ts';

/** The engine for one model with a context of `contextLength` tokens. */
export type CreateModelEngine = (model: StoredModelInfo, contextLength: number) => Promise<Engine>;

export interface StoreEngineOptions {
  /** Returns the models of this machine. */
  readonly listModels: () => Promise<readonly StoredModelInfo[]>;
  readonly createEngine: CreateModelEngine;
  /** The memory of all loaded models together, those that the node lends included. A model that is larger is loaded alone. */
  readonly budgetBytes: number;
  /** Resolves with the memory of the models that the node lends. */
  readonly lentBytes: () => Promise<number>;
}

interface Loaded {
  readonly model: StoredModelInfo;
  readonly contextLength: number;
  readonly engine: Engine;
  active: number;
}

/** Runs any model of this machine for the node's own requests. A model's engine is created with its first request. */
export class StoreEngine implements Engine {
  readonly name = 'store';
  readonly abilities: EngineAbilities = { slots: Infinity, resume: 'tokens' };
  readonly #options: StoreEngineOptions;
  /** By id, the least recently used first. */
  readonly #loaded = new Map<string, Loaded>();
  #known: readonly StoredModelInfo[] = [];
  /** Engines are created and closed one after another. */
  #changes: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(options: StoreEngineOptions) {
    this.#options = options;
  }

  /** The models at the last look. */
  get known(): readonly StoredModelInfo[] {
    return this.#known;
  }

  /** Looks for models again. */
  async refresh(): Promise<void> {
    this.#known = await this.#options.listModels();
  }

  async models(): Promise<readonly StoredModelInfo[]> {
    await this.refresh();
    return this.#known;
  }

  async *generate(request: InferenceRequest, signal: AbortSignal): AsyncGenerator<InferenceEvent> {
    let loaded: Loaded | undefined;
    try {
      loaded = await this.#enter(request);
      yield* loaded.engine.generate(request, signal);
    } catch (thrown) {
      yield { type: 'error', error: ShoalError.from(thrown) };
    } finally {
      if (loaded !== undefined) loaded.active -= 1;
    }
  }

  async resident(): Promise<readonly ResidentModel[]> {
    const lists: ResidentModel[] = [];
    for (const { engine } of this.#loaded.values()) lists.push(...((await engine.resident?.()) ?? []));
    return lists;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#changes;
    await Promise.all([...this.#loaded.values()].map(({ engine }) => engine.close()));
    this.#loaded.clear();
  }

  /** Resolves with the engine of the request's model, which counts as active from then on. */
  async #enter(request: InferenceRequest): Promise<Loaded> {
    const { id } = modelForRequest(request, this.#known);
    const entering = this.#changes.then(async () => {
      const model = this.#known.find((known) => known.id === id);
      if (this.#isClosed || model === undefined) throw ShoalError.aborted('This node is stopping.');
      const loaded = await this.#engineFor(model, request.contextLength);
      loaded.active += 1;
      this.#loaded.delete(id);
      this.#loaded.set(id, loaded);
      return loaded;
    });
    // The failure is for the caller. The next change only waits for the end of this one.
    this.#changes = entering.catch(() => undefined);
    return entering;
  }

  /** An idle model is loaded again for a request that asks for a longer context, as Ollama does. */
  async #engineFor(model: StoredModelInfo, wanted: number | undefined): Promise<Loaded> {
    const loaded = this.#loaded.get(model.id);
    const { contextLength: usual = 0, trainedContextLength = usual } = model;
    const contextLength = Math.min(Math.max(usual, wanted ?? 0), trainedContextLength);
    if (loaded !== undefined && loaded.model.digest === model.digest) {
      if (loaded.contextLength >= contextLength || loaded.active > 0) return loaded;
    }
    if (loaded !== undefined) await this.#unload(loaded);
    await this.#makeRoom(model.memoryBytes);
    return { model, contextLength, engine: await this.#options.createEngine(model, contextLength), active: 0 };
  }

  /** Unloads idle models, the least recently used first. Throws `OVERLOADED` if the others leave no room. */
  async #makeRoom(bytes: number): Promise<void> {
    const { budgetBytes, lentBytes } = this.#options;
    for (;;) {
      const held = await this.#held();
      const used = held.reduce((sum, { model }) => sum + model.memoryBytes, await lentBytes());
      if (used === 0 || used + bytes <= budgetBytes) return;
      const idle = held.find(({ active }) => active === 0);
      if (idle === undefined) {
        throw new ShoalError('OVERLOADED', 'The other loaded models leave no memory for this one. Try again later.');
      }
      await this.#unload(idle);
    }
  }

  /** The models that take memory: an unused one leaves it after a while. */
  async #held(): Promise<readonly Loaded[]> {
    const all = await Promise.all(
      [...this.#loaded.values()].map(async (loaded) => {
        const isHeld = loaded.active > 0 || ((await loaded.engine.resident?.())?.length ?? 0) > 0;
        return isHeld ? [loaded] : [];
      }),
    );
    return all.flat();
  }

  async #unload({ model, engine }: Loaded): Promise<void> {
    this.#loaded.delete(model.id);
    await engine.close();
  }
}

import { stat } from 'node:fs/promises';
import { DEFAULT_CONTEXT_TOKENS, defaultSlots } from '@shoal/engine/model-files/model-file';
import type { LlamaModel } from '@shoal/engine-llama';
import { type GgufDescription, inspectModel, predictMemory } from '@shoal/models';
import type { Ability, ModelInfo } from '@shoal/protocol';
import { ShoalError } from '@shoal/protocol/error';
import { type LocalModel, listModels, type ModelPlaces } from './model-files.ts';

/** A model of this machine, described by its header without loading it. */
export interface StoredModelInfo extends ModelInfo, Pick<LlamaModel, 'modelPath' | 'parts'> {
  /** The context that it was trained with. */
  readonly trainedContextLength?: number | undefined;
  /** Predicted, for its usual context and slots. */
  readonly memoryBytes: number;
  readonly sizeBytes: number;
  /** Milliseconds since 1970. */
  readonly modifiedAt: number;
  readonly architecture: string;
  readonly parameterCount: number;
  readonly template?: string | undefined;
}

export interface StoredModelsOptions {
  readonly places: ModelPlaces;
  /** Tokens of context. Default: those of training, at most the engine's default. */
  readonly contextLength?: number | undefined;
  readonly slots?: number | undefined;
  /** Called for a file that cannot be used, once for each of its versions. */
  readonly onSkipped: (path: string, error: ShoalError) => void;
}

/** Lists the models of this machine. Headers are read once for each version of a file. */
export class StoredModels {
  readonly #options: StoredModelsOptions;
  /** By path and version of the file. Null for a file that cannot be used. */
  readonly #headers = new Map<string, GgufDescription | null>();

  constructor(options: StoredModelsOptions) {
    this.#options = options;
  }

  async list(): Promise<readonly StoredModelInfo[]> {
    const { models: all } = await listModels(this.#options.places);
    // A node offers the demo model only if it is configured, under its id.
    const models = all.filter(({ owner }) => owner !== 'demo');
    const described = await Promise.all(models.map((model) => this.#describe(model)));
    const byName = new Map<string, StoredModelInfo>();
    // Of several models with one name, Shoal's comes first.
    for (const model of described) if (model !== undefined && !byName.has(model.id)) byName.set(model.id, model);
    return [...byName.values()];
  }

  async #describe(model: LocalModel & { readonly name: string }): Promise<StoredModelInfo | undefined> {
    const stats = await stat(model.path).catch(() => undefined);
    if (stats === undefined) return undefined;
    const header = await this.#header(model, `${model.path} ${stats.size} ${stats.mtimeMs}`);
    if (header === null) return undefined;
    const { slots = defaultSlots(model.path) } = this.#options;
    const trained = header.contextLength ?? DEFAULT_CONTEXT_TOKENS;
    const contextLength = this.#options.contextLength ?? Math.min(trained, DEFAULT_CONTEXT_TOKENS);
    return {
      id: model.name,
      digest: model.owner === 'shoal' ? model.digest : undefined,
      contextLength,
      quantization: header.quantisation,
      abilities: abilitiesOf(header),
      modelPath: model.path,
      parts: model.paths.length > 1 ? model.paths : undefined,
      trainedContextLength: trained,
      memoryBytes: predictMemory(header, { contextLength, slots }).totalBytes,
      sizeBytes: model.bytes,
      modifiedAt: Math.round(stats.mtimeMs),
      architecture: header.architecture,
      parameterCount: header.parameterCount,
      template: header.chatTemplate,
    };
  }

  async #header({ path, paths }: LocalModel, version: string): Promise<GgufDescription | null> {
    const known = this.#headers.get(version);
    if (known !== undefined) return known;
    const header = await inspectModel(paths).catch((thrown: unknown) => {
      this.#options.onSkipped(path, ShoalError.from(thrown));
      return null;
    });
    this.#headers.set(version, header);
    return header;
  }
}

/** The abilities that the engine will have with the model. A model without a template takes raw text only. */
function abilitiesOf({ chatTemplate }: GgufDescription): readonly Ability[] {
  const any = ['prompt', 'tokens', 'json', 'embeddings', 'logprobs', 'count'] as const;
  return chatTemplate === undefined ? any : ['messages', ...any, 'tools'];
}

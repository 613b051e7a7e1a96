import { statSync } from 'node:fs';
import type { ModelSizes } from '@shoal/engine/model-files/gpu-layers';
import type { Library } from './library.ts';
import type { Pointer } from './structures.ts';
import { Vocabulary } from './vocabulary.ts';

const METADATA_BYTES = 1024;

export interface ModelOptions {
  readonly path: string;
  /** Layers that the GPU computes. */
  readonly gpuLayers: number;
  /** True to load the vocabulary and metadata without the weights. */
  readonly vocabularyOnly?: boolean | undefined;
}

/** A model file in memory. */
export class NativeModel {
  readonly library: Library;
  readonly pointer: Pointer;
  readonly vocabulary: Vocabulary;
  readonly #path: string;

  /** Returns undefined if llama.cpp refuses the file. It prints the reason to standard error. */
  static load(library: Library, { path, gpuLayers, vocabularyOnly = false }: ModelOptions): NativeModel | undefined {
    const parameters = { ...library.modelDefaults(), n_gpu_layers: gpuLayers, vocab_only: vocabularyOnly };
    const pointer = library.loadModel(path, parameters);
    return pointer === null ? undefined : new NativeModel(library, pointer, path);
  }

  private constructor(library: Library, pointer: Pointer, path: string) {
    this.library = library;
    this.#path = path;
    this.pointer = pointer;
    this.vocabulary = new Vocabulary(library, library.vocabulary(pointer));
  }

  /** The context length of the training, in tokens. */
  get trainedContext(): number {
    return this.#count('context_length') ?? this.library.trainedContext(this.pointer);
  }

  /** True if the model can generate; false for embedding models. */
  get generates(): boolean {
    return this.library.hasDecoder(this.pointer) && !this.library.hasEncoder(this.pointer);
  }

  /** True for models with an encoder and a decoder, such as translators. */
  get isEncoderDecoder(): boolean {
    return this.library.hasDecoder(this.pointer) && this.library.hasEncoder(this.pointer);
  }

  get chatTemplate(): string | undefined {
    return this.library.chatTemplate(this.pointer, null) ?? undefined;
  }

  /** Returns the sizes of the file and its layers, from the file's metadata. */
  sizes(): ModelSizes {
    const heads = this.#count('attention.head_count') ?? 1;
    const headWidth = this.#count('attention.key_length') ?? (this.#count('embedding_length') ?? 0) / heads;
    return {
      bytes: statSync(this.#path).size,
      layers: this.#count('block_count') ?? 1,
      keyWidth: (this.#count('attention.head_count_kv') ?? heads) * headWidth,
    };
  }

  /** The quantization, such as `Q4_K_M`. llama.cpp describes a model as `llama 1B Q4_K - Medium`. */
  get quantization(): string | undefined {
    const text = new Uint8Array(METADATA_BYTES);
    const length = this.library.describeModel(this.pointer, text, text.length);
    const [, , ...words] = new TextDecoder().decode(text.subarray(0, Math.max(0, length))).split(' ');
    const [, name, size = ''] = /^(?:all )?([A-Z]+\d\w*)(?: - ([SML])\w+$)?/.exec(words.join(' ')) ?? [];
    return name === undefined ? undefined : `${name}${size === '' ? '' : `_${size}`}`;
  }

  /** Returns a value of the file's metadata as text. */
  metadata(key: string): string | undefined {
    const length = this.library.metadata(this.pointer, key, null, 0);
    if (length < 0 || length > METADATA_BYTES) return undefined;
    const text = new Uint8Array(length + 1);
    this.library.metadata(this.pointer, key, text, text.length);
    return new TextDecoder().decode(text.subarray(0, length));
  }

  /** Returns a number of the metadata whose key begins with the architecture. */
  #count(key: string): number | undefined {
    const value = Number(this.metadata(`${this.metadata('general.architecture') ?? ''}.${key}`));
    return Number.isFinite(value) && value > 0 ? value : undefined;
  }

  free(): void {
    this.library.freeModel(this.pointer);
  }
}

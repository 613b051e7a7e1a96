import koffi, { type LibraryHandle } from 'koffi';
import { ShoalError } from '@shoal/protocol/error';
import type { Binaries } from './binaries.ts';
import {
  type BatchStructure,
  type ContextParameters,
  LLAMA_VERSION,
  type ModelParameters,
  type Pointer,
} from './structures.ts';

/** llama.cpp's functions, named as in its headers (include/llama.h, ggml/include/ggml-backend.h) without the prefix. */
export type Library = ReturnType<typeof bindFunctions>;

/** `ggml_backend_dev_type` */
export const DEVICE_TYPES = { cpu: 0, gpu: 1, integratedGpu: 2 } as const;

/**
 * Loads llama.cpp into this process, with the backends in its folder. Throws `INTERNAL` if its version is not the one of the
 * structures here, which would corrupt memory. llama.cpp logs to standard error unless `isQuiet`.
 */
export function openLibrary({ folder, llama, ggml, ggmlBase }: Binaries, { isQuiet = false } = {}): Library {
  const handles = {
    base: koffi.load(ggmlBase, { global: true }),
    ggml: koffi.load(ggml, { global: true }),
    llama: koffi.load(llama, { global: true }),
  };
  const library = bindFunctions(handles);
  const version = library.version();
  if (!LLAMA_VERSION.test(version) || library.modelDefaults().n_gpu_layers !== -1) {
    throw new ShoalError(
      'INTERNAL',
      `The installed llama.cpp ${version} is not the version that this program needs. Run npm install.`,
    );
  }
  if (isQuiet)
    library.setLog(
      koffi.register(() => {}, 'llama_log *'),
      null,
    );
  library.loadBackends(folder);
  return library;
}

koffi.proto('void llama_log(int, const char*, void*)');

interface Handles {
  readonly base: LibraryHandle;
  readonly ggml: LibraryHandle;
  readonly llama: LibraryHandle;
}

function bindFunctions({ base, ggml, llama }: Handles) {
  return {
    version: bind<() => string>(llama, 'const char* llama_version()'),
    setLog: bind<(callback: unknown, data: null) => void>(llama, 'void llama_log_set(llama_log*, void*)'),
    loadBackends: bind<(folder: string) => void>(ggml, 'void ggml_backend_load_all_from_path(const char*)'),
    deviceCount: bind<() => bigint | number>(ggml, 'size_t ggml_backend_dev_count()'),
    device: bind<(index: number) => Pointer>(ggml, 'void* ggml_backend_dev_get(size_t)'),
    deviceByType: bind<(type: number) => Pointer | null>(ggml, 'void* ggml_backend_dev_by_type(int)'),
    deviceType: bind<(device: Pointer) => number>(base, 'int ggml_backend_dev_type(void*)'),
    deviceMemory: bind<(device: Pointer, free: BigUint64Array, total: BigUint64Array) => void>(
      base,
      'void ggml_backend_dev_memory(void*, void*, void*)',
    ),
    deviceRegistry: bind<(device: Pointer) => Pointer>(base, 'void* ggml_backend_dev_backend_reg(void*)'),
    registryName: bind<(registry: Pointer) => string>(base, 'const char* ggml_backend_reg_name(void*)'),
    registryFunction: bind<(registry: Pointer, name: string) => Pointer | null>(
      base,
      'void* ggml_backend_reg_get_proc_address(void*, const char*)',
    ),
    threadpoolDefaults: bind<(threads: number) => object>(
      base,
      'ggml_threadpool_params ggml_threadpool_params_default(int)',
    ),

    modelDefaults: bind<() => ModelParameters>(llama, 'llama_model_params llama_model_default_params()'),
    loadModel: bind<(path: string, parameters: ModelParameters) => Pointer | null>(
      llama,
      'void* llama_model_load_from_file(const char*, llama_model_params)',
    ),
    freeModel: bind<(model: Pointer) => void>(llama, 'void llama_model_free(void*)'),
    vocabulary: bind<(model: Pointer) => Pointer>(llama, 'void* llama_model_get_vocab(void*)'),
    trainedContext: bind<(model: Pointer) => number>(llama, 'int32 llama_model_n_ctx_train(void*)'),
    describeModel: bind<(model: Pointer, text: Uint8Array, length: number) => number>(
      llama,
      'int32 llama_model_desc(void*, void*, size_t)',
    ),
    embeddingLength: bind<(model: Pointer) => number>(llama, 'int32 llama_model_n_embd_out(void*)'),
    slidingWindow: bind<(model: Pointer) => number>(llama, 'int32 llama_model_n_swa(void*)'),
    hasEncoder: bind<(model: Pointer) => boolean>(llama, 'bool llama_model_has_encoder(void*)'),
    hasDecoder: bind<(model: Pointer) => boolean>(llama, 'bool llama_model_has_decoder(void*)'),
    chatTemplate: bind<(model: Pointer, name: null) => string | null>(
      llama,
      'const char* llama_model_chat_template(void*, const char*)',
    ),
    metadata: bind<(model: Pointer, key: string, text: Uint8Array | null, length: number) => number>(
      llama,
      'int32 llama_model_meta_val_str(void*, const char*, void*, size_t)',
    ),

    vocabularyType: bind<(vocabulary: Pointer) => number>(llama, 'int llama_vocab_type(void*)'),
    tokenCount: bind<(vocabulary: Pointer) => number>(llama, 'int32 llama_vocab_n_tokens(void*)'),
    bos: bind<(vocabulary: Pointer) => number>(llama, 'int32 llama_vocab_bos(void*)'),
    eos: bind<(vocabulary: Pointer) => number>(llama, 'int32 llama_vocab_eos(void*)'),
    addsBos: bind<(vocabulary: Pointer) => boolean>(llama, 'bool llama_vocab_get_add_bos(void*)'),
    addsEos: bind<(vocabulary: Pointer) => boolean>(llama, 'bool llama_vocab_get_add_eos(void*)'),
    isEndOfGeneration: bind<(vocabulary: Pointer, token: number) => boolean>(
      llama,
      'bool llama_vocab_is_eog(void*, int32)',
    ),
    tokenize: bind<
      (
        vocabulary: Pointer,
        text: Uint8Array,
        length: number,
        tokens: Int32Array,
        room: number,
        addsSpecial: boolean,
        parsesSpecial: boolean,
      ) => number
    >(llama, 'int32 llama_tokenize(void*, void*, int32, void*, int32, bool, bool)'),
    piece: bind<
      (vocabulary: Pointer, token: number, text: Uint8Array, length: number, strip: number, special: boolean) => number
    >(llama, 'int32 llama_token_to_piece(void*, int32, void*, int32, int32, bool)'),

    contextDefaults: bind<() => ContextParameters>(llama, 'llama_context_params llama_context_default_params()'),
    createContext: bind<(model: Pointer, parameters: ContextParameters) => Pointer | null>(
      llama,
      'void* llama_init_from_model(void*, llama_context_params)',
    ),
    freeContext: bind<(context: Pointer) => void>(llama, 'void llama_free(void*)'),
    poolingType: bind<(context: Pointer) => number>(llama, 'int llama_pooling_type(void*)'),
    attachThreadpool: bind<(context: Pointer, pool: Pointer, batchPool: null) => void>(
      llama,
      'void llama_attach_threadpool(void*, void*, void*)',
    ),
    setThreads: bind<(context: Pointer, threads: number, batchThreads: number) => void>(
      llama,
      'void llama_set_n_threads(void*, int32, int32)',
    ),
    decode: bind<(context: Pointer, batch: BatchStructure) => number>(llama, 'int32 llama_decode(void*, llama_batch)'),
    logits: bind<(context: Pointer, index: number) => Pointer | null>(
      llama,
      'void* llama_get_logits_ith(void*, int32)',
    ),
    embedding: bind<(context: Pointer, sequence: number) => Pointer | null>(
      llama,
      'void* llama_get_embeddings_seq(void*, int32)',
    ),
    memory: bind<(context: Pointer) => Pointer | null>(llama, 'void* llama_get_memory(void*)'),
    oldestPosition: bind<(memory: Pointer, sequence: number) => number>(
      llama,
      'int32 llama_memory_seq_pos_min(void*, int32)',
    ),
    removeFromMemory: bind<(memory: Pointer, sequence: number, from: number, to: number) => boolean>(
      llama,
      'bool llama_memory_seq_rm(void*, int32, int32, int32)',
    ),

    createChain: bind<(parameters: { no_perf: boolean }) => Pointer>(
      llama,
      'void* llama_sampler_chain_init(llama_sampler_chain_params)',
    ),
    addSampler: bind<(chain: Pointer, sampler: Pointer) => void>(llama, 'void llama_sampler_chain_add(void*, void*)'),
    freeSampler: bind<(sampler: Pointer) => void>(llama, 'void llama_sampler_free(void*)'),
    applySampler: bind<(sampler: Pointer, candidates: Uint8Array) => void>(
      llama,
      'void llama_sampler_apply(void*, void*)',
    ),
    acceptToken: bind<(sampler: Pointer, token: number) => void>(llama, 'void llama_sampler_accept(void*, int32)'),
    greedySampler: bind<() => Pointer>(llama, 'void* llama_sampler_init_greedy()'),
    distributionSampler: bind<(seed: number) => Pointer>(llama, 'void* llama_sampler_init_dist(uint32)'),
    topKSampler: bind<(count: number) => Pointer>(llama, 'void* llama_sampler_init_top_k(int32)'),
    topPSampler: bind<(share: number, keeps: number) => Pointer>(
      llama,
      'void* llama_sampler_init_top_p(float, size_t)',
    ),
    minPSampler: bind<(share: number, keeps: number) => Pointer>(
      llama,
      'void* llama_sampler_init_min_p(float, size_t)',
    ),
    temperatureSampler: bind<(temperature: number) => Pointer>(llama, 'void* llama_sampler_init_temp(float)'),
    penaltiesSampler: bind<
      (tokens: number, lastTokens: number, repeat: number, frequency: number, presence: number) => Pointer
    >(llama, 'void* llama_sampler_init_penalties(int32, int32, float, float, float)'),
    biasSampler: bind<(tokens: number, count: number, biases: Uint8Array) => Pointer>(
      llama,
      'void* llama_sampler_init_logit_bias(int32, int32, void*)',
    ),
    grammarSampler: bind<(vocabulary: Pointer, grammar: string, root: string) => Pointer | null>(
      llama,
      'void* llama_sampler_init_grammar(void*, const char*, const char*)',
    ),
  };
}

/** Binds a C function. The caller gives its C signature and its type. */
function bind<Signature extends (...values: never[]) => unknown>(
  library: LibraryHandle,
  definition: string,
): Signature {
  const bound: unknown = library.func(definition);
  return bound as Signature;
}

/** koffi accepts each type name once per process. */
const prototypes = new Map<string, ReturnType<typeof koffi.proto>>();

/** Binds a function by its address. */
export function bindAddress<Signature extends (...values: never[]) => unknown>(
  address: Pointer,
  definition: string,
): Signature {
  const type = prototypes.get(definition) ?? koffi.proto(definition);
  prototypes.set(definition, type);
  const bound: unknown = koffi.decode(address, type);
  return bound as Signature;
}

/** Returns a view of llama.cpp's memory, valid until its next call. */
export function viewFloats(address: Pointer, count: number): Float32Array {
  return new Float32Array(koffi.view(address, count * Float32Array.BYTES_PER_ELEMENT));
}

/** Returns the address of JavaScript memory, valid as long as the memory is referenced. */
export function addressOf(memory: ArrayBufferView): Pointer {
  return koffi.address(memory);
}

import { availableParallelism } from 'node:os';
import type { Ability, Sampling } from '@shoal/protocol';
import { ShoalError } from '@shoal/protocol/error';
import { DEFAULT_CONTEXT_TOKENS } from '@shoal/engine/model-files/model-file';
import { layersThatFit } from '@shoal/engine/model-files/gpu-layers';
import type { ModelDescription, LoadRequest, LogLevel } from './messages.ts';
import {
  machineName,
  type ModelRecord,
  loadModelRecord,
  saveModelRecord,
} from '@shoal/engine/model-files/model-record';
import { type Binaries, binariesOf, installedBinaries } from './native/binaries.ts';
import { NativeContext } from './native/context.ts';
import { findGpu, type Gpu } from './native/gpu.ts';
import { type Library, openLibrary } from './native/library.ts';
import { NativeModel } from './native/model.ts';
import type { NodeCounter } from './native/node-counter.ts';
import { recommendedSampling } from './recommended-sampling.ts';
import { residentBytes } from './resident-memory.ts';
import type { TemplateSource } from './template/messages.ts';
import { freeCoresGauge } from './free-cores.ts';
import { ThreadControl } from './thread-control.ts';
import { measureThreads, warmUp } from './threads.ts';

export type Log = (level: LogLevel, text: string) => void;

/** A loaded model. */
export interface Model {
  readonly native: NativeModel;
  readonly context: NativeContext;
  readonly nodes?: NodeCounter | undefined;
  readonly slots: number;
  /** Tokens of prompts per step. Aborts take effect between steps. */
  readonly pieceLength: number;
  /** Undefined if the number of threads is configured, or a GPU computes the model. */
  readonly threads: ThreadControl | undefined;
  readonly loaded: Omit<ModelDescription, 'isOffline'>;
  /** The chat template, which another process renders. Undefined if the model has none, or generates no text. */
  readonly template: TemplateSource | undefined;
  /** The options that the file recommends. */
  readonly sampling: Sampling;
  /** Returns the growth of this process since before the model was loaded. */
  memoryBytes(): number;
}

/** A larger piece is hardly faster on a processor, and delays aborts. */
const PROMPT_PIECE_TOKENS = 128;
const PROMPT_PIECE_TOKENS_ON_GPU = 512;

/** The functions of the process that a model is loaded in. */
export interface ModelHost {
  readonly log: Log;
  /** Default: computed nodes are not counted. */
  readonly nodes?: NodeCounter | undefined;
}

/** Throws if the library is missing or the file cannot be loaded, with a message for the model's owner. */
export async function loadModel(request: LoadRequest, { log, nodes }: ModelHost): Promise<Model> {
  const record = await loadModelRecord(request.modelPath, request.cacheDirectory, request);
  const binaries = request.packageFolder === undefined ? installedBinaries() : binariesOf(request.packageFolder);
  const library = openLibrary(binaries);
  const memoryBefore = residentBytes();
  const { native, device, gpuLayers } = openModel(library, binaries, request);
  const context = openContext(native, request, { onGpu: gpuLayers > 0, nodes });
  if (request.contextLength !== undefined && request.contextLength > native.trainedContext) {
    log(
      'warn',
      `The model was trained on ${native.trainedContext} tokens of context. Its answers get worse beyond that.`,
    );
  }
  if (native.generates) await setThreads(context, record, request, log);
  const contextLength = contextLengthOf(native, request);
  const memoryBytes = () => Math.max(0, residentBytes() - memoryBefore);
  const machine = machineName();
  const isMeasured = native.generates && request.threads === undefined;
  const measured = {
    ...record,
    ...(isMeasured && { threads: { ...record.threads, [machine]: context.threads } }),
    memory: { ...record.memory, [machine]: { bytes: memoryBytes(), slots: request.slots, contextLength } },
  };
  await saveMeasurements(measured, request, log);
  const { quantization } = native;
  return {
    native,
    context,
    nodes,
    slots: request.slots,
    threads: isMeasured && gpuLayers === 0 ? threadControl(context.threads) : undefined,
    pieceLength: pieceLength(gpuLayers > 0),
    loaded: {
      digest: record.digest,
      contextLength,
      threads: context.threads,
      device,
      memoryBytes: memoryBytes(),
      abilities: abilitiesOf(context),
      quantization,
    },
    template: native.generates ? templateOf(native) : undefined,
    sampling: recommendedSampling((key) => native.metadata(key)),
    memoryBytes,
  };
}

/** Returns the abilities without a chat template. */
function abilitiesOf({ model, ranks }: NativeContext): readonly Ability[] {
  if (!model.generates) return ranks ? [] : ['embeddings', 'count'];
  return ['prompt', 'tokens', 'json', 'embeddings', 'logprobs', 'count'];
}

/** Returns the chat template of a model with the tokens that it may write. Undefined if there is none. */
export function templateOf({ vocabulary, chatTemplate }: NativeModel): TemplateSource | undefined {
  if (chatTemplate === undefined) return undefined;
  const { addsBos, addsEos } = vocabulary;
  const [bos, eos] = [vocabulary.bos, vocabulary.eos].map((token) => vocabulary.controlText(token));
  return { text: chatTemplate, tokens: { bos: bos ?? '', eos: eos ?? '', addsBos, addsEos } };
}

function openModel(
  library: Library,
  { folder }: Binaries,
  request: LoadRequest,
): { native: NativeModel; device: string; gpuLayers: number } {
  const gpu = request.gpuLayers === 0 ? undefined : findGpu(library, folder);
  const load = (gpuLayers: number) => NativeModel.load(library, { path: request.modelPath, gpuLayers });
  const gpuLayers = gpu === undefined ? 0 : selectGpuLayers(library, request, gpu);
  const native = load(gpuLayers);
  if (native === undefined) throw ShoalError.generationFailed('llama.cpp refused it.');
  if (native.isEncoderDecoder) {
    throw ShoalError.generationFailed('it has an encoder and a decoder, which this engine cannot run.');
  }
  return { native, device: gpuLayers === 0 || gpu === undefined ? 'cpu' : gpu.name, gpuLayers };
}

function selectGpuLayers(library: Library, request: LoadRequest, gpu: Gpu): number {
  if (request.gpuLayers > 0) return request.gpuLayers;
  const metadata = NativeModel.load(library, { path: request.modelPath, gpuLayers: 0, vocabularyOnly: true });
  if (metadata === undefined) return 0;
  try {
    return layersThatFit(metadata.sizes(), {
      freeBytes: gpu.freeBytes,
      contextTokens: contextLengthOf(metadata, request) * request.slots,
    });
  } finally {
    metadata.free();
  }
}

function threadControl(threads: number): ThreadControl {
  const freeCores = freeCoresGauge();
  return new ThreadControl({ threads, cores: availableParallelism(), now: () => performance.now(), freeCores });
}

function openContext(
  native: NativeModel,
  request: LoadRequest,
  { onGpu, nodes }: { onGpu: boolean; nodes: NodeCounter | undefined },
): NativeContext {
  const contextLength = contextLengthOf(native, request);
  const context = NativeContext.create(native, {
    contextLength,
    sequences: request.slots,
    batchLength: pieceLength(onGpu) + request.slots,
    threads: request.threads ?? Math.max(1, availableParallelism() - 1),
    nodes,
    ...(!native.generates && { embeddings: true }),
  });
  if (context === undefined) {
    const wanted = `${request.slots} × ${contextLength} tokens of context`;
    throw ShoalError.generationFailed(
      `there is not enough memory for ${wanted}. Set less with --slots or --context-length.`,
    );
  }
  return context;
}

function contextLengthOf({ trainedContext }: NativeModel, request: LoadRequest): number {
  const { contextLength, contextLengthMax = DEFAULT_CONTEXT_TOKENS } = request;
  return contextLength ?? Math.min(trainedContext, contextLengthMax);
}

function pieceLength(onGpu: boolean): number {
  return onGpu ? PROMPT_PIECE_TOKENS_ON_GPU : PROMPT_PIECE_TOKENS;
}

/** Sets the thread count. Every way evaluates a token, which loads the weights into memory. */
async function setThreads(context: NativeContext, record: ModelRecord, request: LoadRequest, log: Log): Promise<void> {
  const known = request.threads ?? record.threads[machineName()];
  if (known === undefined) return measureThreads(context, availableParallelism());
  context.threads = known;
  if (!warmUp(context)) log('warn', 'The first token could not be computed.');
}

async function saveMeasurements(record: ModelRecord, { cacheDirectory }: LoadRequest, log: Log): Promise<void> {
  if (cacheDirectory === undefined) return;
  await saveModelRecord(record, cacheDirectory).catch((error: unknown) =>
    log('warn', `The model's measurements could not be saved: ${String(error)}`),
  );
}

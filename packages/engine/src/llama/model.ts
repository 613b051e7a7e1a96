import { availableParallelism } from 'node:os';
import type { Template } from '@huggingface/jinja';
import { type Sampling, ShoalError } from '@shoal/protocol';
import type { LlamaContext, LlamaContextSequence, LlamaModel, Token } from 'node-llama-cpp';
import type { LoadedModel, LoadOrder, LogLevel } from './messages.ts';
import { machineName, type ModelRecord, recordModel, saveRecord } from './model-record.ts';
import { recommendedSampling } from './recommended-sampling.ts';
import { measureThreads } from './threads.ts';
import type { Decode } from './token-text.ts';

export type Log = (level: LogLevel, text: string) => void;

/** What turns text into tokens and back. */
export interface Vocabulary {
  readonly template?: Template;
  readonly vocabularySize: number;
  readonly bos: { readonly token: Token | null; readonly text: string; readonly isWanted: boolean };
  readonly eosText: string;
  readonly tokenize: (text: string, mode: 'with control tokens' | 'as plain text') => Token[];
  readonly detokenize: Decode<Token>;
}

/** A loaded model: what generations need of it, and nothing of the library that runs it beyond the sequences. */
export interface Model extends Vocabulary {
  readonly loaded: LoadedModel;
  readonly sequences: readonly LlamaContextSequence[];
  /** What the file itself recommends. */
  readonly sampling: Sampling;
}

/** Tokens of context a slot, where nobody says otherwise and the model was trained on more. */
const DEFAULT_CONTEXT_TOKENS = 4_096;

/** Throws where the library is missing or the file cannot be loaded; the message is for the model's owner. */
export async function loadModel(order: LoadOrder, log: Log): Promise<Model> {
  const [record, { device, model }] = await Promise.all([
    recordModel(order.modelPath, order.cacheDirectory),
    openModel(order, log),
  ]);
  const threads = order.threads ?? (await chooseThreads(model, record, order.cacheDirectory, log));
  const { contextLengthMax = DEFAULT_CONTEXT_TOKENS } = order;
  const contextLength = order.contextLength ?? Math.min(model.trainContextSize, contextLengthMax);
  const context = await model.createContext({ contextSize: contextLength, sequences: order.slots, threads });
  const { metadata } = model.fileInfo;
  const quantization = await quantizationName(metadata.general.file_type);
  return {
    ...(await readVocabulary(model)),
    loaded: {
      digest: record.digest,
      contextLength,
      threads,
      device,
      ...(quantization !== undefined && { quantization }),
    },
    sequences: takeSequences(context),
    sampling: recommendedSampling(metadata.general),
  };
}

/** The part of a model that knows its words. */
export async function readVocabulary(model: LlamaModel): Promise<Vocabulary> {
  const template = await parseTemplate(model.fileInfo.metadata.tokenizer?.chat_template);
  return {
    ...(template !== undefined && { template }),
    vocabularySize: countTokens(model),
    bos: {
      token: model.tokens.bos,
      text: model.tokens.bosString ?? '',
      isWanted: model.tokens.shouldPrependBosToken,
    },
    eosText: model.tokens.eosString ?? '',
    tokenize: (text, mode) => model.tokenize(text, mode === 'with control tokens'),
    detokenize: (tokens, before) => model.detokenize(tokens, false, before),
  };
}

async function openModel(order: LoadOrder, log: Log): Promise<{ device: string; model: LlamaModel }> {
  const { getLlama, LlamaLogLevel } = await importLibrary();
  const levels: Partial<Record<string, LogLevel>> = {
    [LlamaLogLevel.fatal]: 'error',
    [LlamaLogLevel.error]: 'error',
    [LlamaLogLevel.warn]: 'warn',
  };
  const llama = await getLlama({
    gpu: order.gpuLayers === 0 ? false : 'auto',
    build: 'never',
    progressLogs: false,
    maxThreads: 0, // no limit of its own: every context says how many it wants
    logLevel: LlamaLogLevel.warn,
    logger: (level, message) => log(levels[level] ?? 'debug', message.trim()),
  });
  const model = await llama.loadModel({
    modelPath: order.modelPath,
    gpuLayers: order.gpuLayers === -1 ? 'auto' : order.gpuLayers,
  });
  return { device: llama.gpu === false ? 'cpu' : llama.gpu, model };
}

async function parseTemplate(source: string | undefined): Promise<Template | undefined> {
  if (source === undefined) return undefined;
  const { Template: Parser } = await optional('@huggingface/jinja', () => import('@huggingface/jinja'));
  return new Parser(source);
}

/** `MOSTLY_Q4_K_M` is `Q4_K_M`, `ALL_F32` is `F32`. */
async function quantizationName(fileType: number | undefined): Promise<string | undefined> {
  if (fileType === undefined) return undefined;
  const { GgufFileType } = await importLibrary();
  return GgufFileType[fileType]?.replace(/^(MOSTLY|ALL)_/, '');
}

export function importLibrary() {
  return optional('node-llama-cpp', () => import('node-llama-cpp'));
}

/** Optional dependencies may be missing: then it says how to get them. */
async function optional<Module>(name: string, load: () => Promise<Module>): Promise<Module> {
  try {
    return await load();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND') {
      throw new ShoalError('INTERNAL', `A package that models need is missing: npm install ${name}`, { cause: error });
    }
    throw error;
  }
}

async function chooseThreads(
  model: LlamaModel,
  record: ModelRecord,
  cacheDirectory: string | undefined,
  log: Log,
): Promise<number> {
  const machine = machineName();
  const known = record.threads[machine];
  if (known !== undefined) return known;
  const threads = await measureThreads(model, availableParallelism());
  if (cacheDirectory !== undefined) {
    const measured = { ...record, threads: { ...record.threads, [machine]: threads } };
    await saveRecord(measured, cacheDirectory).catch((error: unknown) =>
      log('warn', `The measured thread count could not be remembered: ${String(error)}`),
    );
  }
  return threads;
}

function takeSequences(context: LlamaContext): LlamaContextSequence[] {
  return Array.from({ length: context.totalSequences }, () => context.getSequence());
}

function countTokens(model: LlamaModel): number {
  let count = 0;
  for (const _ of model.iterateAllTokens()) count++;
  return count;
}

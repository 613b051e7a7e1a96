import { access, constants, readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { ShoalError } from '@shoal/protocol';
import { GPU_LAYERS_AUTO } from '../model-files/gpu-layers.ts';
import { checkModelFile, DEFAULT_CONTEXT_TOKENS } from '../model-files/model-file.ts';
import { machineName, type ModelRecord, loadModelRecord, saveModelRecord } from '../model-files/model-record.ts';
import { type ModelFacts, readFacts } from './facts.ts';
import { findDevice, type RunningServer, startServer, type StartOptions } from './running.ts';

/** A process whose connections are lost is gone within it, if that is why. */
const GONE_PATIENCE_MS = 1_000;
/** On so few processors one is left to the rest of the machine: a thread that finds none stalls all the others. */
const FEW_PROCESSORS = 4;
const KIB = 1_024;

type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type Log = (level: LogLevel, text: string) => void;

/** Which model is to be loaded, and how. */
export interface LoadOptions {
  /** The GGUF file. */
  readonly modelPath: string;
  /** Of the whole model, where it is known; absent: computed from the file. */
  readonly digest?: string | undefined;
  /** All files in order, where there are several. */
  readonly parts?: readonly string[] | undefined;
  /** Looks at a file before a process is started for it; throws what is wrong, in words for its owner. Absent: at its first bytes. */
  readonly checkFile?: ((path: string) => Promise<void>) | undefined;
  /** The program: llama.cpp's `llama-server`. */
  readonly binary: string;
  /** Tokens a slot; absent: what the model was trained on, at most `contextLengthMax`. */
  readonly contextLength?: number | undefined;
  /** Absent: 4,096. */
  readonly contextLengthMax?: number | undefined;
  /** Layers that the GPU computes: -1 (absent) as many as fit, 0 none. */
  readonly gpuLayers?: number | undefined;
  /** Absent: what was measured for the model, else all processors, or on a small machine all but one. */
  readonly threads?: number | undefined;
  /** Where digests and measured thread counts are remembered; absent: nowhere. */
  readonly cacheDirectory?: string | undefined;
}

/** A server with what is known of its model. */
export interface Loaded extends RunningServer {
  readonly record: ModelRecord;
  readonly facts: ModelFacts;
  readonly device: string;
}

/** Throws a `ShoalError` for the model's owner. */
export async function loadServer(options: LoadOptions, slots: number, log: Log, signal: AbortSignal): Promise<Loaded> {
  const { modelPath, checkFile = checkModelFile } = options;
  await checkFile(modelPath);
  const record = await loadModelRecord(modelPath, options.cacheDirectory, options);
  await remember(record, options, log);
  const device = await deviceOf(options);
  const running = await startServer(startOptions(options, record, slots, log), signal);
  try {
    const said = await readFacts(running.server, signal);
    const facts = { ...said, contextLength: Math.min(said.contextLength, contextTokens(options)) };
    return { ...running, record, facts, device };
  } catch (error) {
    await running.end();
    throw error;
  }
}

/** How a server for a model is started. */
export function startOptions(options: LoadOptions, record: ModelRecord, slots: number, log: Log): StartOptions {
  const { modelPath, binary, gpuLayers = GPU_LAYERS_AUTO } = options;
  const threads = options.threads ?? record.threads[machineName()] ?? usualThreads();
  return {
    binary,
    modelPath,
    contextTokens: contextTokens(options) * slots,
    slots,
    gpuLayers,
    // A trailing message of the assistant is a turn of its own, as it is for the other engines.
    words: ['--no-prefill-assistant'],
    threads,
    onLine: (line) => log('debug', line),
  };
}

/**
 * The connection is lost before the process is seen to be gone: who hears of it shall find the next server when asking
 * again, and its log what the last one said.
 */
export async function lastWordsOf({ gone }: Loaded, error: unknown): Promise<unknown> {
  const timer = new AbortController();
  const patience = setTimeout(GONE_PATIENCE_MS, error, { signal: timer.signal });
  patience.catch(() => undefined);
  try {
    return await Promise.race([gone, patience]);
  } finally {
    timer.abort();
  }
}

/** What a process has of this machine's memory; undefined where the system does not tell as Linux does. */
export async function residentBytes(processId: number | undefined): Promise<number | undefined> {
  if (processId === undefined || process.platform !== 'linux') return undefined;
  const status = await readFile(`/proc/${processId}/status`, 'utf8').catch(() => '');
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * KIB;
}

/** Undefined where llama-server shall choose: as many as there are real processors. */
function usualThreads(): number | undefined {
  const processors = availableParallelism();
  return processors <= FEW_PROCESSORS ? Math.max(1, processors - 1) : undefined;
}

function contextTokens({ contextLength, contextLengthMax = DEFAULT_CONTEXT_TOKENS }: LoadOptions): number {
  return contextLength ?? contextLengthMax;
}

async function remember(record: ModelRecord, { cacheDirectory }: LoadOptions, log: Log): Promise<void> {
  if (cacheDirectory === undefined) return;
  await saveModelRecord(record, cacheDirectory).catch((error: unknown) =>
    log('warn', `The model's digest could not be remembered: ${String(error)}`),
  );
}

async function deviceOf({ binary, gpuLayers = GPU_LAYERS_AUTO }: LoadOptions): Promise<string> {
  try {
    await access(binary, constants.X_OK);
    return await findDevice(binary, gpuLayers);
  } catch (error) {
    throw cannotRun(binary, error);
  }
}

function cannotRun(binary: string, cause: unknown): ShoalError {
  const message = `${binary} cannot be run. Make another with "shoal engine build".`;
  return new ShoalError('GENERATION_FAILED', message, { cause });
}

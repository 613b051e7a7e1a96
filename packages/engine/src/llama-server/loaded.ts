import { access, constants, readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { ShoalError } from '@shoal/protocol/error';
import { memoryLimitBytes } from '../child-process/memory-limit.ts';
import { GPU_LAYERS_AUTO } from '../model-files/gpu-layers.ts';
import { type CheckFile, checkModelFile, DEFAULT_CONTEXT_TOKENS } from '../model-files/model-file.ts';
import { machineName, type ModelRecord, loadModelRecord, saveModelRecord } from '../model-files/model-record.ts';
import { type ModelProperties, readProperties } from './properties.ts';
import { findDevice, type RunningServer, startServer, type StartOptions } from './running.ts';

/** If a connection was lost because the process crashed, the process ends within this time. */
const CRASH_TIMEOUT_MS = 1_000;
/** With at most this many processors one is left free: a thread that waits for a processor delays all the others. */
const FEW_PROCESSORS = 4;
const KIB = 1_024;

type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type Log = (level: LogLevel, text: string) => void;

/** The model to load, and how to load it. */
export interface LoadOptions {
  /** The GGUF file. */
  readonly modelPath: string;
  /** The digest of the whole model. Default: computed from the file. */
  readonly digest?: string | undefined;
  /** All files in order, if there are several. */
  readonly parts?: readonly string[] | undefined;
  /** Default: checks the first bytes. */
  readonly checkFile?: CheckFile | undefined;
  /** The most memory of its own that the process may take. Default: derived from the prediction of `checkFile`. */
  readonly memoryLimitBytes?: number | undefined;
  /** The path of `llama-server`. */
  readonly binary: string;
  /** Tokens per slot. Default: the length that the model was trained on, at most `contextLengthMax`. */
  readonly contextLength?: number | undefined;
  /** Default: 4,096. */
  readonly contextLengthMax?: number | undefined;
  /** Layers on the GPU: -1 for as many as fit (default), 0 for none. */
  readonly gpuLayers?: number | undefined;
  /** Default: the number measured for the model, else all processors, or on a small machine all but one. */
  readonly threads?: number | undefined;
  /** The folder for digests and measured thread counts. Undefined: they are not saved. */
  readonly cacheDirectory?: string | undefined;
}

/** A running server and its model's properties. */
export interface LoadedServer extends RunningServer {
  readonly record: ModelRecord;
  readonly properties: ModelProperties;
  readonly device: string;
  /** The most memory of its own that the process may take. */
  readonly limitBytes: number;
}

interface StartContext extends Pick<StartOptions, 'slots' | 'limitBytes'> {
  readonly record: ModelRecord;
  readonly log: Log;
}

/** Throws a `ShoalError` with a message for the model's owner. */
export async function loadServer(
  options: LoadOptions,
  slots: number,
  log: Log,
  signal: AbortSignal,
): Promise<LoadedServer> {
  const { modelPath, checkFile = checkModelFile } = options;
  const predictedBytes = await checkFile({ ...options, slots });
  const record = await loadModelRecord(modelPath, options.cacheDirectory, options);
  await saveDigest(record, options, log);
  const device = await deviceOf(options);
  const limitBytes = options.memoryLimitBytes ?? memoryLimitBytes(predictedBytes);
  const running = await startServer(startOptions(options, { record, slots, limitBytes, log }), signal);
  try {
    const reported = await readProperties(running.server, signal);
    const properties = { ...reported, contextLength: Math.min(reported.contextLength, contextTokens(options)) };
    return { ...running, record, properties, device, limitBytes };
  } catch (error) {
    await running.end();
    throw error;
  }
}

/** The options to start a server for a model. */
export function startOptions(options: LoadOptions, { record, slots, limitBytes, log }: StartContext): StartOptions {
  const { modelPath, binary, gpuLayers = GPU_LAYERS_AUTO } = options;
  const threads = options.threads ?? record.threads[machineName()] ?? defaultThreads();
  return {
    binary,
    modelPath,
    contextTokens: contextTokens(options) * slots,
    slots,
    limitBytes,
    gpuLayers,
    // A trailing message of the assistant is a complete turn, as it is for the other engines.
    words: ['--no-prefill-assistant'],
    threads,
    onLine: (line) => log('debug', line),
  };
}

/**
 * Returns why a process crashed, or else the error of the lost connection, which is detected before the end of the process.
 * Waiting for the end also ensures that the next request gets the next server.
 */
export async function causeOfCrash({ gone }: Pick<LoadedServer, 'gone'>, error: unknown): Promise<unknown> {
  const timer = new AbortController();
  const timeout = setTimeout(CRASH_TIMEOUT_MS, error, { signal: timer.signal });
  // The timer is cancelled below, which rejects it.
  timeout.catch(() => undefined);
  try {
    return await Promise.race([gone, timeout]);
  } finally {
    timer.abort();
  }
}

/** The resident memory of a process. Undefined on systems other than Linux. */
export async function residentBytes(processId: number | undefined): Promise<number | undefined> {
  if (processId === undefined || process.platform !== 'linux') return undefined;
  const status = await readFile(`/proc/${processId}/status`, 'utf8').catch(() => '');
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * KIB;
}

/** Undefined: llama-server's default, the number of physical processors. */
function defaultThreads(): number | undefined {
  const processors = availableParallelism();
  return processors <= FEW_PROCESSORS ? Math.max(1, processors - 1) : undefined;
}

function contextTokens({ contextLength, contextLengthMax = DEFAULT_CONTEXT_TOKENS }: LoadOptions): number {
  return contextLength ?? contextLengthMax;
}

async function saveDigest(record: ModelRecord, { cacheDirectory }: LoadOptions, log: Log): Promise<void> {
  if (cacheDirectory === undefined) return;
  await saveModelRecord(record, cacheDirectory).catch((error: unknown) =>
    log('warn', `The model's digest could not be saved: ${String(error)}`),
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
  const message = `${binary} cannot be run. Build it again with "shoal engine build".`;
  return new ShoalError('GENERATION_FAILED', message, { cause });
}

import { createHash } from 'node:crypto';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { availableParallelism, cpus, hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { isObject } from '@shoal/protocol/json';
import { digestModel, isDigest } from '@shoal/files/digest';
import { writeDurably } from '@shoal/files/durable-write';
import { isMissing } from '@shoal/files/error-code';

/** Facts about a model file that are cached until the file changes. */
export interface ModelRecord {
  readonly path: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  readonly digest: string;
  /** The fastest number of threads, by machine. */
  readonly threads: Readonly<Record<string, number>>;
  /** Measured memory of the last process that loaded the model, by machine. */
  readonly memory?: Readonly<Record<string, MeasuredMemory>> | undefined;
}

/** Memory of a loaded model, with the settings that it was measured with. */
interface MeasuredMemory {
  readonly bytes: number;
  readonly slots: number;
  /** Tokens in each slot. */
  readonly contextLength: number;
}

/** Facts about a model that the caller knows. */
interface KnownModel {
  /** Digest of the whole model. */
  readonly digest?: string | undefined;
  /** All files in order, for a model in parts. */
  readonly parts?: readonly string[] | undefined;
}

/** Returns the saved record, or a new one. A new one reads the whole model if its digest is not known. */
export async function loadModelRecord(
  modelPath: string,
  directory: string | undefined,
  { digest, parts = [modelPath] }: KnownModel = {},
): Promise<ModelRecord> {
  const known = directory === undefined ? undefined : await readModelRecord(modelPath, directory);
  if (known !== undefined && (digest === undefined || known.digest === digest)) return known;
  const path = resolve(modelPath);
  const { size, mtimeMs } = await stat(path);
  return { path, sizeBytes: size, modifiedMs: mtimeMs, digest: digest ?? (await digestModel(parts)), threads: {} };
}

/** Returns the saved record of a file, or undefined if there is none or the file has changed. */
export async function readModelRecord(modelPath: string, directory: string): Promise<ModelRecord | undefined> {
  const path = resolve(modelPath);
  const { size, mtimeMs } = await stat(path);
  const known = await readRecord(recordPath(directory, path));
  return known?.path === path && known.sizeBytes === size && known.modifiedMs === mtimeMs ? known : undefined;
}

/** Throws `STORAGE_FULL` or `INTERNAL` if the record cannot be written. */
export async function saveModelRecord(record: ModelRecord, directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeDurably(recordPath(directory, record.path), JSON.stringify(record));
}

/** Identifies this machine in records, because several machines may share a directory. */
export function machineName(): string {
  return `${hostname()}, ${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown processor'}`;
}

function recordPath(directory: string, path: string): string {
  return join(directory, `model-${createHash('sha256').update(path).digest('hex').slice(0, 16)}.json`);
}

/** Returns undefined if the record is missing or not valid. */
async function readRecord(path: string): Promise<ModelRecord | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    return isRecord(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || isMissing(error)) return undefined;
    throw error;
  }
}

function isRecord(value: unknown): value is ModelRecord {
  if (!isObject(value)) return false;
  const { path, sizeBytes, modifiedMs, digest, threads, memory = {} } = value;
  return (
    typeof path === 'string' &&
    typeof sizeBytes === 'number' &&
    typeof modifiedMs === 'number' &&
    isDigest(digest) &&
    typeof threads === 'object' &&
    threads !== null &&
    Object.values(threads).every((count) => Number.isInteger(count) && Number(count) >= 1) &&
    typeof memory === 'object' &&
    memory !== null &&
    Object.values(memory).every(isMeasuredMemory)
  );
}

function isMeasuredMemory(value: unknown): value is MeasuredMemory {
  if (!isObject(value)) return false;
  const { bytes, slots, contextLength } = value;
  return [bytes, slots, contextLength].every((count) => Number.isInteger(count));
}

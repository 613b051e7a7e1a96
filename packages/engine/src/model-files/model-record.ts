import { createHash } from 'node:crypto';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { availableParallelism, cpus, hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { isObject } from '@shoal/protocol';
import { digestModel, isDigest } from '@shoal/files/digest';
import { writeDurably } from '@shoal/files/durable-write';
import { isMissing } from '@shoal/files/error-code';

/** What is worth remembering about a model file, for as long as it does not change. */
export interface ModelRecord {
  readonly path: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  readonly digest: string;
  /** The fastest thread count by machine. */
  readonly threads: Readonly<Record<string, number>>;
  /** What a process grew by when it last loaded the model, by machine. */
  readonly memory?: Readonly<Record<string, MeasuredMemory>> | undefined;
}

/** Real memory, and what it was for. */
interface MeasuredMemory {
  readonly bytes: number;
  readonly slots: number;
  /** Tokens a slot. */
  readonly contextLength: number;
}

/** What of a model is known before. */
interface KnownModel {
  /** Of the whole model. */
  readonly digest?: string | undefined;
  /** All files in order, where there are several. */
  readonly parts?: readonly string[] | undefined;
}

/** The remembered record, or a new one, for which the whole file is read where its digest is not known. */
export async function recordModel(
  modelPath: string,
  directory: string | undefined,
  { digest, parts = [modelPath] }: KnownModel = {},
): Promise<ModelRecord> {
  const known = directory === undefined ? undefined : await recallModel(modelPath, directory);
  if (known !== undefined && (digest === undefined || known.digest === digest)) return known;
  const path = resolve(modelPath);
  const { size, mtimeMs } = await stat(path);
  return { path, sizeBytes: size, modifiedMs: mtimeMs, digest: digest ?? (await digestModel(parts)), threads: {} };
}

/** What is remembered of a file as it is now, if anything is. */
export async function recallModel(modelPath: string, directory: string): Promise<ModelRecord | undefined> {
  const path = resolve(modelPath);
  const { size, mtimeMs } = await stat(path);
  const known = await readRecord(recordPath(directory, path));
  return known?.path === path && known.sizeBytes === size && known.modifiedMs === mtimeMs ? known : undefined;
}

/** Throws `STORAGE_FULL` or `INTERNAL` if the record cannot be written. */
export async function saveRecord(record: ModelRecord, directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeDurably(recordPath(directory, record.path), JSON.stringify(record));
}

/** A directory may be shared by machines: thread counts hold for one of them. */
export function machineName(): string {
  return `${hostname()}, ${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown processor'}`;
}

function recordPath(directory: string, path: string): string {
  return join(directory, `model-${createHash('sha256').update(path).digest('hex').slice(0, 16)}.json`);
}

/** Undefined where there is none, or none that can be used: it is then made again. */
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

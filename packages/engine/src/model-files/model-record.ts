import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { availableParallelism, cpus, hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { isObject } from '@shoal/protocol';

const READ_PIECE_BYTES = 1024 * 1024;

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

/** One file's digest is the model's; of several it is that of their digests, one a line, in order. */
async function digestModel(parts: readonly string[]): Promise<string> {
  const digests: string[] = [];
  for (const part of parts) digests.push(await digestFile(part));
  const [only, ...more] = digests;
  if (only !== undefined && more.length === 0) return only;
  const lines = digests.map((digest) => `${digest}\n`).join('');
  return `sha256:${createHash('sha256').update(lines).digest('hex')}`;
}

/** What is remembered of a file as it is now, if anything is. */
export async function recallModel(modelPath: string, directory: string): Promise<ModelRecord | undefined> {
  const path = resolve(modelPath);
  const { size, mtimeMs } = await stat(path);
  const known = await readRecord(recordPath(directory, path));
  return known?.path === path && known.sizeBytes === size && known.modifiedMs === mtimeMs ? known : undefined;
}

/** `sha256:` and 64 hex digits of a file's content. */
export async function digestFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path, { highWaterMark: READ_PIECE_BYTES })) hash.update(piece);
  return `sha256:${hash.digest('hex')}`;
}

/** Written under another name, synced and renamed: a reader sees the old record or the new one, nothing between. */
export async function saveRecord(record: ModelRecord, directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  const path = recordPath(directory, record.path);
  const temporary = `${path}.${process.pid}`;
  try {
    const file = await open(temporary, 'w');
    try {
      await file.writeFile(JSON.stringify(record));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
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
    if (error instanceof SyntaxError) return undefined;
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
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
    typeof digest === 'string' &&
    /^sha256:[0-9a-f]{64}$/.test(digest) &&
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

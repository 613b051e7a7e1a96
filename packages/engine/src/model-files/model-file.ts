import { statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { GGUF_MAGIC_LENGTH, isGguf } from '@shoal/files/gguf';
import { ShoalError } from '@shoal/protocol/error';

/** Tokens of context per slot if none are configured and the model was trained on more. */
export const DEFAULT_CONTEXT_TOKENS = 4_096;

const SMALL_MODEL_BYTES = 2 * 1024 ** 3;
const SLOTS_OF_SMALL_MODELS = 4;

/** A model file, and how it is going to be used. */
export interface ModelUse {
  readonly modelPath: string;
  readonly slots: number;
  /** Tokens per slot. Default: those of the training, at most `contextLengthMax`. */
  readonly contextLength?: number | undefined;
  /** Default: `DEFAULT_CONTEXT_TOKENS`. */
  readonly contextLengthMax?: number | undefined;
}

/**
 * Checks a model file before a process is started for it. Resolves with the predicted memory of the loaded model in bytes, from
 * which the limit of its process follows, or with undefined if it predicts none. Throws an error for the model's owner.
 */
export type CheckFile = (use: ModelUse) => Promise<number | undefined>;

/** Checks the first bytes of a model file. Throws `MODEL_NOT_FOUND` or `GENERATION_FAILED`. */
export async function checkModelFile({ modelPath: path }: Pick<ModelUse, 'modelPath'>): Promise<undefined> {
  const beginning = await readBeginning(path).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ShoalError('MODEL_NOT_FOUND', `The model file ${path} cannot be read: ${reason}`, { cause: error });
  });
  if (!isGguf(beginning)) throw cannotLoad(path, 'it is not a GGUF file.');
}

export function cannotLoad(path: string, reason: string, cause?: unknown): ShoalError {
  return ShoalError.generationFailed(`The model file ${path} cannot be loaded: ${reason}`, cause);
}

/** The model's name: the file's name without `.gguf`. */
export function modelName(path: string): string {
  return basename(path).replace(/\.gguf$/i, '');
}

/** The default number of slots: fewer for a large model, so that the contexts of all slots fit into memory. */
export function defaultSlots(path: string): number {
  const sizeBytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  return sizeBytes <= SMALL_MODEL_BYTES ? SLOTS_OF_SMALL_MODELS : 1;
}

async function readBeginning(path: string): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(GGUF_MAGIC_LENGTH), 0, GGUF_MAGIC_LENGTH, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

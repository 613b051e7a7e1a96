import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { tryServer } from '@shoal/engine/llama-server';
import { type Shape, type WeightType, writeRandomModel } from '@shoal/models/random-model';
import { ShoalError } from '@shoal/protocol/error';

/** Each has code of its own for the instructions of a processor. */
const TYPES: readonly WeightType[] = ['q4_0', 'q8_0', 'f16'];
const SHAPE: Omit<Shape, 'type'> = {
  layers: 1,
  width: 64,
  heads: 2,
  keyHeads: 2,
  feedForward: 128,
  vocabulary: 512,
  context: 256,
  seed: 1,
};

/**
 * Loads a small model of each common type in a llama-server and generates some tokens. Returns the types. The models are written
 * into a folder, and removed. Throws `GENERATION_FAILED` with the first type that fails, and how.
 */
export async function tryBuild(binary: string, folder: string, signal: AbortSignal): Promise<string[]> {
  for (const type of TYPES) {
    const modelPath = join(folder, `try-${type}.gguf`);
    try {
      writeRandomModel(modelPath, { ...SHAPE, type });
      await tryServer({ binary, modelPath }, signal);
    } catch (error) {
      signal.throwIfAborted();
      throw cannotRun(nameOf(type), ShoalError.from(error));
    } finally {
      await rm(modelPath, { force: true });
    }
  }
  return TYPES.map(nameOf);
}

function nameOf(type: WeightType): string {
  return type.toUpperCase();
}

function cannotRun(type: string, error: ShoalError): ShoalError {
  const [cause] = typeof error.cause === 'string' ? error.cause.split('\n') : [];
  const why = cause === undefined ? error.message : `${error.message} (${cause})`;
  return ShoalError.generationFailed(
    `The llama-server that was built cannot run a ${type} model, so it is not kept. The engine llama runs without it. ${why}`,
    error,
  );
}

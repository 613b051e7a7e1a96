import {
  type Digest,
  parseDigest,
  parseName,
  pull,
  type PullOptions,
  type PullProgress,
  type StoredModel,
} from '@shoal/models';
import { isModelPath } from '@shoal/host/launch-settings';
import { isDemoModel, openModelStore } from '@shoal/host/models';
import { hubOptions } from '@shoal/host/models/hubs';
import { printableName } from '@shoal/host/printable';
import { ShoalError } from '@shoal/protocol/error';
import { CliError, EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { interruptible } from '../../models/interruptible.ts';
import { PullLine } from '../../models/pull-progress.ts';
import { print } from '../../terminal/output.ts';
import { size } from '../../terminal/transfer-progress.ts';

export interface PullFlags {
  readonly name?: string | undefined;
  readonly digest?: string | undefined;
  readonly allowHost?: readonly string[] | undefined;
}

/** `shoal pull`: pulls a model into the store. Ctrl-C keeps the received bytes. */
export async function pullModel(context: Context, source: string, flags: PullFlags): Promise<number> {
  if (isDemoModel(source)) throw CliError.usage(`"${source}" comes with Shoal and needs no pull: shoal run ${source}`);
  const model = await pullWithProgress(context, isLocalFile(source) ? `file:${source}` : source, flags);
  print(context, storedDocument(model), [
    `Pulled ${model.name} (${size(model.bytes)}). Lend it with: shoal serve --lend --model ${model.name}`,
  ]);
  return EXIT.ok;
}

/** True for `./llama.gguf`, `/models/llama.gguf` and `llama.gguf`, but not for the file of a hub: `hf:OWNER/REPO:llama.gguf`. */
function isLocalFile(source: string): boolean {
  return isModelPath(source) && !source.includes(':');
}

/** Pulls a model into the store, with progress on stderr. The signal `left` ends it, as Ctrl-C does. */
export async function pullWithProgress(
  context: Context,
  source: string,
  flags: PullFlags,
  left?: AbortSignal,
): Promise<StoredModel> {
  const options = { ...flagOptions(flags), ...environmentOptions() };
  const store = await openModelStore(context.home);
  const line = new PullLine(printableName(source));
  let hasFetched = false;
  const onProgress = (progress: PullProgress): void => {
    hasFetched ||= progress.phase === 'fetching';
    line.update(progress);
  };
  const advice = (): string | undefined =>
    hasFetched ? 'The received bytes are kept. Run the same command again to resume.' : undefined;
  return interruptible(async (interrupted) => {
    const signal = left === undefined ? interrupted : AbortSignal.any([interrupted, left]);
    try {
      return await pull(store, source, { ...options, signal, onProgress });
    } catch (error) {
      throw left?.aborted === true ? CliError.interrupted() : error;
    } finally {
      line.end();
    }
  }, advice);
}

/** A stored model as JSON. */
export function storedDocument({ name, digest, bytes, source, path }: StoredModel): object {
  return { name, digest, bytes, source: printableName(source), path };
}

function flagOptions({ name, digest, allowHost }: PullFlags): PullOptions {
  try {
    return {
      ...(name !== undefined && { name: parseName(name) }),
      ...(digest !== undefined && { digest: readDigest(digest) }),
      allowedHosts: allowHost,
    };
  } catch (error) {
    throw error instanceof ShoalError ? CliError.usage(error.message) : error;
  }
}

function environmentOptions(): PullOptions {
  try {
    return hubOptions(process.env);
  } catch (error) {
    throw error instanceof ShoalError ? CliError.usage(error.message) : error;
  }
}

function readDigest(text: string): Digest {
  return parseDigest(text.toLowerCase());
}

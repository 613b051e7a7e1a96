import { isAbsolute } from 'node:path';
import {
  type Digest,
  parseDigest,
  parseName,
  pull,
  type PullOptions,
  type PullProgress,
  type StoredModel,
} from '@shoal/models';
import { openModelStore } from '@shoal/host/models';
import { printableName } from '@shoal/host/printable';
import { ShoalError } from '@shoal/protocol';
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

/** `shoal pull`: a model into the store. Ctrl-C keeps what came. */
export async function pullModel(context: Context, source: string, flags: PullFlags): Promise<number> {
  if (isAbsolute(source) || /^\.{0,2}[/\\]/.test(source)) {
    throw CliError.usage(
      `A file of this machine is named with "file:" before it: shoal pull file:${printableName(source)}`,
    );
  }
  const model = await bring(context, source, flags);
  print(context, storedDocument(model), [
    `Pulled ${model.name} (${size(model.bytes)}). Lend it with: shoal serve --lend --model ${model.name}`,
  ]);
  return EXIT.ok;
}

/** Brings a model into the store, with its progress on stderr. `left` ends it, as Ctrl-C does. */
export async function bring(
  context: Context,
  source: string,
  flags: PullFlags,
  left?: AbortSignal,
): Promise<StoredModel> {
  const options = { ...flagOptions(flags), ...environmentOptions(process.env) };
  const store = await openModelStore(context.home);
  const line = new PullLine(printableName(source));
  let hasBegun = false;
  const onProgress = (progress: PullProgress): void => {
    hasBegun ||= progress.phase === 'fetching';
    line.update(progress);
  };
  const kept = (): string | undefined => (hasBegun ? 'What came is kept. Run the same command to go on.' : undefined);
  return interruptible(async (interrupted) => {
    const signal = left === undefined ? interrupted : AbortSignal.any([interrupted, left]);
    try {
      return await pull(store, source, { ...options, signal, onProgress });
    } catch (error) {
      throw left?.aborted === true ? CliError.interrupted() : error;
    } finally {
      line.end();
    }
  }, kept);
}

/** A model of the store as JSON. */
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

function readDigest(text: string): Digest {
  return parseDigest(text.toLowerCase());
}

/** A token is in no flag, because every user of a machine can read those. */
function environmentOptions(environment: NodeJS.ProcessEnv): PullOptions {
  const { HF_TOKEN: token } = environment;
  const huggingFace = address(environment, 'HF_ENDPOINT');
  const ollama = address(environment, 'SHOAL_OLLAMA_REGISTRY');
  return {
    hubs: { huggingFace, ollama },
    ...(token !== undefined && token !== '' && { huggingFaceToken: token }),
  };
}

function address(environment: NodeJS.ProcessEnv, variable: string): URL | undefined {
  const text = environment[variable];
  if (text === undefined || text === '') return undefined;
  const url = URL.parse(text);
  if (url?.protocol === 'https:' || url?.protocol === 'http:') return url;
  throw CliError.usage(`${variable} must be an https address, such as https://mirror.example.`);
}

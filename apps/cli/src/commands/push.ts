import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { dialDonate, type DonateNode } from '@shoal/client/donate';
import type { Tokenizer } from '@shoal/engine/llama';
import { printableName } from '@shoal/node/printable';
import { CliError, EXIT } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { size, TransferProgress } from '../donate/transfer-progress.ts';
import { modelText, print } from '../output.ts';

const READ_PIECE_BYTES = 1024 * 1024;
/** New tokens of an answer to a prompt, where nobody says otherwise. */
const DEFAULT_PROMPT_TOKENS = 256;

export interface PushFlags {
  readonly to: string;
  readonly prompt?: string;
  readonly ids?: readonly number[];
  readonly maxTokens?: number;
}

/** `shoal push`: a model to a Donate compute node, and a question for it. Ctrl-C hangs up, and the node forgets the model. */
export async function push(context: Context, model: string | undefined, flags: PushFlags): Promise<number> {
  const question = readQuestion(model, flags);
  const lengthBytes = model === undefined ? 0 : await modelSize(model);
  const node = await dialDonate(flags.to);
  let isInterrupted = false;
  const interrupt = (): void => {
    isInterrupted = true;
    node.close();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  try {
    if (model === undefined) await askItsOwn(context, node, question);
    else await pushAndAsk(context, node, { path: model, lengthBytes }, question);
    return EXIT.ok;
  } catch (error) {
    throw isInterrupted ? CliError.interrupted() : error;
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
    node.close();
  }
}

type Question =
  | { readonly type: 'prompt'; readonly prompt: string; readonly maxTokens: number }
  | { readonly type: 'ids'; readonly ids: readonly number[]; readonly maxTokens: number | undefined }
  | { readonly type: 'none' };

function readQuestion(model: string | undefined, { prompt, ids, maxTokens }: PushFlags): Question {
  if (prompt !== undefined && ids !== undefined) throw CliError.usage('Give --prompt or --ids, not both.');
  if (model === undefined && prompt === undefined) {
    throw CliError.usage(
      'There is nothing to do: name a GGUF file to push, or ask the node’s own model with --prompt.',
    );
  }
  if (prompt !== undefined) return { type: 'prompt', prompt, maxTokens: maxTokens ?? DEFAULT_PROMPT_TOKENS };
  return ids === undefined ? { type: 'none' } : { type: 'ids', ids, maxTokens };
}

async function modelSize(path: string): Promise<number> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() !== true) throw CliError.usage(`There is no model file ${path}.`);
  if (found.size === 0) throw CliError.usage(`The model file ${path} is empty.`);
  return found.size;
}

async function askItsOwn(context: Context, node: DonateNode, question: Question): Promise<void> {
  if (node.hello.mode !== 'local_lm') {
    throw CliError.usage('This node has no model of its own: name a GGUF file, shoal push MODEL.gguf --to …');
  }
  if (question.type !== 'prompt') throw CliError.usage('This node takes prompts, not token ids: use --prompt.');
  const { prompt, maxTokens } = question;
  const response = await node.prompt(prompt, { maxOut: maxTokens });
  print(context, { response, model: node.hello.model ?? null }, [modelText(response)]);
}

interface ModelFile {
  readonly path: string;
  readonly lengthBytes: number;
}

async function pushAndAsk(context: Context, node: DonateNode, file: ModelFile, question: Question): Promise<void> {
  if (node.hello.mode !== 'model_push') {
    const own = node.hello.model === undefined ? 'its own model' : printableName(node.hello.model);
    throw CliError.usage(`This node runs ${own} and takes no other: leave MODEL out, and ask with --prompt.`);
  }
  // Whatever is wrong with the file shows before it is sent.
  const tokenizer = question.type === 'prompt' ? await openTokenizer(file.path) : undefined;
  try {
    const ids = question.type === 'prompt' ? (tokenizer?.prompt(question.prompt) ?? []) : [];
    await pushFile(node, file);
    switch (question.type) {
      case 'none':
        return print(context, { mounted: true, bytes: file.lengthBytes }, [
          'The node runs this model. It forgets it now: ask with --prompt or --ids in the same command.',
        ]);
      case 'ids': {
        const { maxTokens } = question;
        const outputIds = await node.infer({ ids: question.ids, ...(maxTokens !== undefined && { maxTokens }) });
        return print(context, { output_ids: outputIds }, [outputIds.join(',')]);
      }
      case 'prompt': {
        const outputIds = await node.infer({ ids, maxTokens: question.maxTokens });
        const response = tokenizer?.text(outputIds.slice(ids.length), ids) ?? '';
        return print(context, { response, output_ids: outputIds }, [modelText(response)]);
      }
      default:
        question satisfies never;
    }
  } finally {
    await tokenizer?.close();
  }
}

async function openTokenizer(path: string): Promise<Tokenizer> {
  const { createTokenizer } = await import('@shoal/engine/llama');
  return createTokenizer(path);
}

async function pushFile(node: DonateNode, { path, lengthBytes: length }: ModelFile): Promise<void> {
  process.stderr.write(`Reading ${path} (${size(length)}) …\n`);
  const sha256 = await digest(path);
  const progress = new TransferProgress(length);
  const config = { format: 'gguf', name: basename(path).replace(/\.gguf$/i, '') };
  try {
    await node.putModel(readPieces(path), { length, config, sha256, onProgress: (sent) => progress.update(sent) });
  } finally {
    progress.end();
  }
}

async function digest(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of readPieces(path)) hash.update(piece);
  return hash.digest('hex');
}

async function* readPieces(path: string): AsyncGenerator<Uint8Array> {
  for await (const piece of createReadStream(path, { highWaterMark: READ_PIECE_BYTES })) yield piece;
}

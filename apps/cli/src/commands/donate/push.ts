import { basename } from 'node:path';
import { dialDonate, type DonateNode } from '@shoal/client/donate';
import type { Tokenizer } from '@shoal/engine-llama/tokenizer';
import { printableName } from '@shoal/host/printable';
import { ShoalError } from '@shoal/protocol/error';
import { CliError, EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { digest, modelFile, modelSize, readPieces } from '../../donate/model-file.ts';
import { modelText, print } from '../../terminal/output.ts';
import { size, TransferProgress } from '../../terminal/transfer-progress.ts';

/** The default limit for tokens of an answer to a prompt. */
const DEFAULT_PROMPT_TOKENS = 256;

export interface PushFlags {
  readonly to: string;
  readonly prompt?: string | undefined;
  readonly ids?: readonly number[] | undefined;
  readonly maxTokens?: number | undefined;
}

/** `shoal push`: sends a model to a Donate compute node and asks it. Ctrl-C disconnects, and the node removes the model. */
export async function push(context: Context, model: string | undefined, flags: PushFlags): Promise<number> {
  const question = readQuestion(model, flags);
  const path = model === undefined ? undefined : await modelFile(context, model);
  const lengthBytes = path === undefined ? 0 : await modelSize(path);
  const node = await dial(flags.to);
  let isInterrupted = false;
  const interrupt = (): void => {
    isInterrupted = true;
    node.close();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  try {
    if (path === undefined) await askItsOwn(context, node, flags.to, question);
    else
      await pushAndAsk(
        context,
        node,
        { path, name: path === model ? basename(path) : (model ?? ''), lengthBytes, to: flags.to },
        question,
      );
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

function readQuestion(model: string | undefined, { to, prompt, ids, maxTokens }: PushFlags): Question {
  if (prompt !== undefined && ids !== undefined) throw CliError.usage('Give --prompt or --ids, not both.');
  if (model === undefined && ids !== undefined) {
    const line = `shoal push MODEL.gguf --to ${to} --ids ${ids.join(',')}`;
    throw CliError.usage(`--ids needs the model it belongs to: ${line}`);
  }
  if (model === undefined && prompt === undefined) {
    throw CliError.usage(
      'There is nothing to do: name a GGUF file to push, or ask the node’s own model with --prompt.',
    );
  }
  if (prompt !== undefined) return { type: 'prompt', prompt, maxTokens: maxTokens ?? DEFAULT_PROMPT_TOKENS };
  return ids === undefined ? { type: 'none' } : { type: 'ids', ids, maxTokens };
}

async function dial(to: string): Promise<DonateNode> {
  try {
    return await dialDonate(to);
  } catch (error) {
    throw error instanceof ShoalError && error.code === 'INVALID_REQUEST' ? CliError.usage(error.message) : error;
  }
}

async function askItsOwn(context: Context, node: DonateNode, to: string, question: Question): Promise<void> {
  if (node.hello.mode !== 'local_lm') {
    throw CliError.usage('This node has no model of its own: name a GGUF file, shoal push MODEL.gguf --to …');
  }
  if (question.type !== 'prompt') throw CliError.usage('This node takes prompts, not token ids: use --prompt.');
  const { prompt, maxTokens } = question;
  const response = await unlessLost(node.prompt(prompt, { maxOut: maxTokens }), () => inAnswer(to));
  print(context, { response, model: node.hello.model ?? null }, [modelText(response)]);
}

interface ModelFile {
  readonly path: string;
  /** For the node: the name that was given, or that of the file. */
  readonly name: string;
  readonly lengthBytes: number;
  /** The node's address as it was given. */
  readonly to: string;
}

async function pushAndAsk(context: Context, node: DonateNode, file: ModelFile, question: Question): Promise<void> {
  if (node.hello.mode !== 'model_push') {
    const own = node.hello.model === undefined ? 'its own model' : printableName(node.hello.model);
    throw CliError.usage(`This node runs ${own} and takes no other: leave MODEL out, and ask with --prompt.`);
  }
  // Errors in the file are reported before it is sent.
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
        const answer = node.infer({ ids: question.ids, maxTokens });
        const outputIds = await unlessLost(answer, () => inAnswer(file.to));
        return print(context, { output_ids: outputIds }, [outputIds.join(',')]);
      }
      case 'prompt': {
        const answer = node.infer({ ids, maxTokens: question.maxTokens });
        const outputIds = await unlessLost(answer, () => inAnswer(file.to));
        const response = tokenizer?.text(outputIds.slice(ids.length)) ?? '';
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
  const { createTokenizer } = await import('@shoal/engine-llama/tokenizer');
  return createTokenizer(path);
}

async function pushFile(node: DonateNode, { path, name, lengthBytes: length, to }: ModelFile): Promise<void> {
  process.stderr.write(`Reading ${path} (${size(length)}) …\n`);
  const sha256 = await digest(path);
  const progress = new TransferProgress(length);
  const config = { format: 'gguf', name: name.replace(/\.gguf$/i, '') };
  let sent = 0;
  const onProgress = (bytes: number): void => {
    sent = bytes;
    progress.update(bytes);
  };
  try {
    const pushing = node.putModel(readPieces(path), { length, config, sha256, onProgress });
    await unlessLost(pushing, () => {
      const when = sent < length ? `during the upload (${size(sent)} of ${size(length)})` : 'while it loaded the model';
      return `${to} went away ${when}. Push again once it is back.`;
    });
  } finally {
    progress.end();
  }
}

/** Returns the result of `work`. If the connection is lost, throws an error with a description of the step. */
async function unlessLost<Result>(work: Promise<Result>, describe: () => string): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof ShoalError) || error.code !== 'WORKER_LOST') throw error;
    throw ShoalError.workerLost(describe(), error);
  }
}

function inAnswer(to: string): string {
  return `${to} went away before it had answered. Ask again once it is back.`;
}

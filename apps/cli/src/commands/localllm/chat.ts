import { createInterface } from 'node:readline';
import { connectLocalLlm, type LocalLlmHost } from '@shoal/client/localllm';
import { printableName } from '@shoal/host/printable';
import { ShoalError } from '@shoal/protocol/error';
import { CliError, EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { givenSettings } from '../../given-settings.ts';
import { doorConfiguration } from '../../door/door-worker.ts';
import { describeError } from '../../localllm/advice.ts';
import { answer, isHostGone } from '../../localllm/chat-answer.ts';
import { Interrupts } from '../../localllm/interrupts.ts';
import { TerminalChat } from '../../localllm/terminal-chat.ts';

export interface ChatFlags {
  readonly prompt?: string | undefined;
}

/** `shoal chat`: a conversation at a terminal. Otherwise the prompts are the lines of stdin, or that of the flag. */
export async function chat(context: Context, serverId: string, flags: ChatFlags): Promise<number> {
  if (flags.prompt?.trim() === '')
    throw CliError.usage('There is no prompt: shoal chat SERVER_ID --prompt "What is 2+2?"');
  const { bootstrap } = await doorConfiguration(context, givenSettings('chat', flags));
  const interrupts = new Interrupts();
  try {
    if (process.stderr.isTTY && !context.json) process.stderr.write('Looking for the host…\n');
    const host = await connect(serverId, bootstrap, interrupts);
    try {
      if (!context.json) introduce(host);
      return await converse(context, host, flags.prompt, interrupts);
    } finally {
      await host.close();
    }
  } catch (error) {
    if (context.json || error instanceof CliError || !(error instanceof ShoalError)) throw error;
    process.stderr.write(`shoal: ${describeError(error)}\n`);
    return EXIT.failed;
  } finally {
    interrupts.close();
  }
}

async function connect(serverId: string, bootstrap: readonly string[], { left }: Interrupts): Promise<LocalLlmHost> {
  try {
    return await connectLocalLlm(serverId, { signal: left, ...(bootstrap.length > 0 && { bootstrap }) });
  } catch (error) {
    throw left.aborted ? CliError.interrupted() : error;
  }
}

function introduce({ host: { name, model, status } }: LocalLlmHost): void {
  process.stderr.write(`Connected to ${printableName(name)} · ${printableName(model)} · ${status}\n`);
}

function converse(
  context: Context,
  host: LocalLlmHost,
  prompt: string | undefined,
  interrupts: Interrupts,
): Promise<number> {
  if (prompt !== undefined) return answerAll(context, host, [prompt], interrupts);
  if (process.stdin.isTTY && process.stdout.isTTY && !context.json) {
    return new TerminalChat(context, host, interrupts).run();
  }
  return answerInput(context, host, interrupts);
}

/** Reads no more lines after the user has left. */
function answerInput(context: Context, host: LocalLlmHost, interrupts: Interrupts): Promise<number> {
  const lines = createInterface({ input: process.stdin });
  interrupts.left.addEventListener('abort', () => lines.close());
  return answerAll(context, host, lines, interrupts);
}

/** Answers prompts one after the other. Returns the exit code of the last failure. */
async function answerAll(
  context: Context,
  host: LocalLlmHost,
  prompts: Iterable<string> | AsyncIterable<string>,
  interrupts: Interrupts,
): Promise<number> {
  let exitCode: number = EXIT.ok;
  for await (const prompt of prompts) {
    if (interrupts.left.aborted) break;
    if (prompt.trim() === '') continue;
    const outcome = await interrupts.during((signal) => answer(context, host, prompt, signal));
    if ('reason' in outcome && outcome.reason === 'abort') throw CliError.interrupted();
    if (!('error' in outcome)) continue;
    exitCode = EXIT.failed;
    // Without a host the other prompts would fail too.
    if (isHostGone(outcome.error)) break;
  }
  if (interrupts.left.aborted) throw CliError.interrupted();
  return exitCode;
}

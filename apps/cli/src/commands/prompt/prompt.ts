import type { PromptRequest } from '@shoal/node/api';
import { printableName } from '@shoal/host/printable';
import { ShoalError } from '@shoal/protocol/error';
import { promptInput } from '@shoal/protocol/request';
import { requestAnswer, tokensPerSecond, type PromptAnswer } from '../../node/prompt-answer.ts';
import { findNode } from '../../node/api-client.ts';
import { CliError, EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { deadlineMs } from '../../deadline.ts';
import { count, print } from '../../terminal/output.ts';
import { promptText } from '../../prompt-text.ts';
import { AnswerText } from '../../run/answer-text.ts';

export interface PromptFlags {
  readonly model?: string | undefined;
  readonly cluster?: string | undefined;
  readonly maxTokens?: number | undefined;
  readonly temperature?: number | undefined;
  readonly seed?: number | undefined;
  readonly stop?: readonly string[] | undefined;
  /** In seconds. */
  readonly deadline?: number | undefined;
}

/** `shoal prompt`: streams the text to stdout, then prints the worker, its model and its speed on stderr. Ctrl-C stops the worker. */
export async function prompt(context: Context, text: string | undefined, flags: PromptFlags): Promise<number> {
  await findNode(context.home);
  const request = promptRequest(await promptText(text, 'shoal prompt "What is 2+2?"'), flags);
  const interrupted = new AbortController();
  const onInterrupt = (): void => interrupted.abort();
  process.on('SIGINT', onInterrupt);
  try {
    if (context.json) print(context, await requestAnswer(context.home, request, interrupted.signal, {}), []);
    else await show(context, request, interrupted.signal);
    return EXIT.ok;
  } catch (error) {
    throw interrupted.signal.aborted ? CliError.interrupted() : await advised(error, flags);
  } finally {
    process.off('SIGINT', onInterrupt);
  }
}

/** Adds how to get an answer of the demo model, which a node offers only if it lends it. */
async function advised(error: unknown, { model }: PromptFlags): Promise<unknown> {
  if (model === undefined || !(error instanceof ShoalError) || error.code !== 'MODEL_NOT_FOUND') return error;
  // Loaded here, because other prompts do not need it.
  const { isDemoModel } = await import('@shoal/host/models');
  if (!isDemoModel(model)) return error;
  const advice = `The node does not lend the demo model: shoal restart --lend --model ${model}, or without it: shoal run ${model}`;
  return new ShoalError(error.code, `${error.message} ${advice}`, { cause: error });
}

async function show({ home }: Context, request: PromptRequest, signal: AbortSignal): Promise<void> {
  const text = new AnswerText(false);
  let answer: PromptAnswer;
  try {
    answer = await requestAnswer(home, request, signal, { text: (piece) => text.write(piece) });
  } finally {
    text.end();
  }
  process.stderr.write(`${summary(answer)}\n`);
}

function promptRequest(text: string, flags: PromptFlags): PromptRequest {
  const { model, cluster, stop = [], maxTokens, temperature, seed, deadline } = flags;
  const sampling = {
    maxTokens,
    temperature,
    seed,
  };
  return {
    request: { input: promptInput(text), sampling, stop, model, deadlineMs: deadlineMs(deadline) },
    cluster,
  };
}

/** `NodeA answered with llama3.2:1b: 60 tokens, first after 35 ms, 310 tokens/s`. */
function summary(answer: PromptAnswer): string {
  const { worker, model, usage, chunks, timing } = answer;
  const name = model === null ? '' : ` with ${printableName(model)}`;
  const size = usage === null ? count(chunks, 'piece') : count(usage.completion_tokens, 'token');
  const speed = tokensPerSecond(answer);
  return [
    `${worker ?? 'A peer'} answered${name}: ${size}`,
    `first after ${Math.round(timing.first_token_ms)} ms`,
    ...(speed === undefined ? [] : [`${speed} tokens/s`]),
  ].join(', ');
}

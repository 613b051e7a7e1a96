import type { LocalLlmHost } from '@shoal/client/localllm';
import type { FinishReason } from '@shoal/protocol';
import { ShoalError } from '@shoal/protocol/error';
import type { Context } from '../context.ts';
import { writeModelText } from '../terminal/output.ts';
import { describeError } from './advice.ts';

/** The result of one prompt. It has been printed already. */
export type ChatOutcome = { readonly reason: FinishReason; readonly text: string } | { readonly error: ShoalError };

/** True if no more prompts can be answered: the host left during an answer, or was not found again. */
export function isHostGone({ code }: ShoalError): boolean {
  return code === 'HOST_DISCONNECTED' || code === 'HOST_OFFLINE';
}

/** Sends one prompt. Streams the text to stdout and a remark to stderr, or prints one JSON document. */
export async function answer(
  { json }: Context,
  host: LocalLlmHost,
  prompt: string,
  signal: AbortSignal,
): Promise<ChatOutcome> {
  const texts: string[] = [];
  const end = await read(host, prompt, signal, async (piece) => {
    texts.push(piece);
    if (!json) await writeModelText(piece);
  });
  const text = texts.join('');
  const outcome = 'error' in end ? end : { ...end, text };
  if (json) process.stdout.write(`${JSON.stringify(documentOf(outcome, text, host))}\n`);
  else {
    if (text !== '' && !text.endsWith('\n')) process.stdout.write('\n');
    const remark = remarkOn(outcome, text);
    if (remark !== undefined) process.stderr.write(`${remark}\n`);
  }
  return outcome;
}

async function read(
  host: LocalLlmHost,
  prompt: string,
  signal: AbortSignal,
  onText: (text: string) => Promise<void>,
): Promise<{ readonly reason: FinishReason } | { readonly error: ShoalError }> {
  try {
    for await (const event of host.chat(prompt, { signal })) {
      if (event.type === 'text') await onText(event.text);
      if (event.type === 'error') return { error: event.error };
      if (event.type === 'finish') return { reason: event.reason };
    }
  } catch (thrown) {
    // An invalid prompt or an unexpected error does not end the chat.
    return { error: ShoalError.from(thrown) };
  }
  return { error: ShoalError.workerLost('The answer ended early. Ask again.') };
}

function documentOf(outcome: ChatOutcome, response: string, { host }: LocalLlmHost): object {
  if ('error' in outcome) {
    const { code, message } = outcome.error;
    return { error: { code, message } };
  }
  const { reason } = outcome;
  return { response, model: host.model, host: host.name, finish_reason: reason, truncated: reason === 'length' };
}

function remarkOn(outcome: ChatOutcome, text: string): string | undefined {
  if ('error' in outcome) return `shoal: ${describeError(outcome.error)}`;
  switch (outcome.reason) {
    case 'stop':
    case 'tool_calls':
      return text === '' ? '(an empty answer)' : undefined;
    case 'length':
      return '(The answer was cut at a limit of the host.)';
    case 'abort':
      return '(Stopped.)';
    default:
      return outcome.reason satisfies never;
  }
}

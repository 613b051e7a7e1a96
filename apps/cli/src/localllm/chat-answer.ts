import type { LocalLlmHost } from '@shoal/client/localllm';
import { type FinishReason, ShoalError } from '@shoal/protocol';
import type { Context } from '../context.ts';
import { writeModelText } from '../terminal/output.ts';
import { describeError } from './advice.ts';

/** How one prompt was answered, told already. */
export type Outcome = { readonly reason: FinishReason } | { readonly error: ShoalError };

/** Has one prompt answered: the text on stdout as it comes and what is to be said of it on stderr, or one document. */
export async function answer(
  { json }: Context,
  host: LocalLlmHost,
  prompt: string,
  signal: AbortSignal,
): Promise<Outcome> {
  const texts: string[] = [];
  const outcome = await read(host, prompt, signal, async (text) => {
    texts.push(text);
    if (!json) await writeModelText(text);
  });
  const text = texts.join('');
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
  take: (text: string) => Promise<void>,
): Promise<Outcome> {
  try {
    for await (const event of host.chat(prompt, { signal })) {
      if (event.type === 'text') await take(event.text);
      if (event.type === 'error') return { error: event.error };
      if (event.type === 'finish') return { reason: event.reason };
    }
  } catch (thrown) {
    // A prompt that no host takes, or something unforeseen: neither ends the chat.
    return { error: ShoalError.from(thrown) };
  }
  return { error: ShoalError.workerLost('The answer ended without an end.') };
}

function documentOf(outcome: Outcome, response: string, { host }: LocalLlmHost): object {
  if ('error' in outcome) {
    const { code, message } = outcome.error;
    return { error: { code, message } };
  }
  const { reason } = outcome;
  return { response, model: host.model, host: host.name, finish_reason: reason, truncated: reason === 'length' };
}

function remarkOn(outcome: Outcome, text: string): string | undefined {
  if ('error' in outcome) return describeError(outcome.error);
  switch (outcome.reason) {
    case 'stop':
    case 'tool_calls':
      return text === '' ? '(an empty answer)' : undefined;
    case 'length':
      return '(A limit of the host cut this answer.)';
    case 'abort':
      return '(Stopped.)';
    default:
      return outcome.reason satisfies never;
  }
}

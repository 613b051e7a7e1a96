import { type FinishEvent, type InferenceRequest, ShoalError } from '@shoal/protocol';
import { elapsed } from '../terminal/output.ts';
import type { RunningModel } from './running-model.ts';

/** An answer that has ended well, or was stopped by whoever asked. */
export interface Reply {
  readonly text: string;
  readonly finish: FinishEvent;
  /** The node that answered, where it was one. */
  readonly worker: string | undefined;
  readonly firstTokenMs: number;
  readonly totalMs: number;
}

/** Has a request answered. `write` gets each piece of text, and the next is waited for once it is done. Throws `ShoalError`. */
export async function reply(
  model: RunningModel,
  request: InferenceRequest,
  signal: AbortSignal,
  write: (text: string) => Promise<void> | void,
): Promise<Reply> {
  const startedAt = performance.now();
  const texts: string[] = [];
  let worker: string | undefined;
  let firstAt: number | undefined;
  for await (const event of model.generate(request, signal)) {
    if (event.type === 'worker') worker = event.name;
    else if (event.type === 'text') {
      firstAt ??= performance.now();
      texts.push(event.text);
      await write(event.text);
    } else if (event.type === 'finish') {
      const endedAt = performance.now();
      const firstTokenMs = (firstAt ?? endedAt) - startedAt;
      return { text: texts.join(''), finish: event, worker, firstTokenMs, totalMs: endedAt - startedAt };
    }
  }
  throw ShoalError.workerLost('The answer broke off before its end.');
}

/** What is to be said of an answer besides its text. */
export function remarkOn({ finish, text }: Reply): string | undefined {
  switch (finish.reason) {
    case 'stop':
    case 'tool_calls':
      return text === '' ? '(an empty answer)' : undefined;
    case 'length':
      return '(Cut: a limit of tokens, or the end of the context.)';
    case 'abort':
      return undefined;
    default:
      return finish.reason satisfies never;
  }
}

/** What an answer took, a line for each part; what nobody counted is left out. `loadMs`: undefined where nothing was loaded. */
export function timings({ finish, firstTokenMs, totalMs }: Reply, loadMs: number | undefined): readonly string[] {
  const { usage } = finish;
  const answerMs = totalMs - firstTokenMs;
  return [
    ...(loadMs === undefined ? [] : [`load    ${elapsed(loadMs / 1_000)}`]),
    ...(usage === undefined
      ? []
      : [
          `prompt  ${promptLine(usage.promptTokens, usage.cachedTokens, firstTokenMs)}`,
          // The wait for the first token is the prompt's.
          `answer  ${tokens(usage.completionTokens)}, ${elapsed(answerMs / 1_000)}${rate(usage.completionTokens - 1, answerMs)}`,
        ]),
    `total   ${elapsed(totalMs / 1_000)}`,
  ];
}

function promptLine(promptTokens: number, cachedTokens: number | undefined, ms: number): string {
  const cached = cachedTokens === undefined || cachedTokens === 0 ? '' : ` (${cachedTokens} from memory)`;
  return `${tokens(promptTokens)}${cached}, ${elapsed(ms / 1_000)}${rate(promptTokens - (cachedTokens ?? 0), ms)}`;
}

function tokens(number: number): string {
  return `${number} token${number === 1 ? '' : 's'}`;
}

function rate(number: number, ms: number): string {
  return number > 0 && ms > 0 ? `, ${Math.round((number * 1_000) / ms)} tokens/s` : '';
}

/** The same as JSON. */
export function replyDocument(answer: Reply, loadMs: number | undefined): object {
  const { text, finish, worker = null, firstTokenMs, totalMs } = answer;
  const { reason, usage, model = null } = finish;
  return {
    response: text,
    model,
    worker,
    finish_reason: reason,
    truncated: reason === 'length',
    usage: usage
      ? {
          prompt_tokens: usage.promptTokens,
          cached_tokens: usage.cachedTokens ?? null,
          completion_tokens: usage.completionTokens,
        }
      : null,
    timing: {
      load_ms: loadMs === undefined ? null : milliseconds(loadMs),
      first_token_ms: milliseconds(firstTokenMs),
      total_ms: milliseconds(totalMs),
    },
  };
}

/** Microseconds are what a small model needs to be told apart by. */
function milliseconds(duration: number): number {
  return Math.round(duration * 1_000) / 1_000;
}

import type { FinishEvent } from '@shoal/protocol';
import type { InferenceRequest } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import { elapsed, RATE_MIN_TOKENS } from '../terminal/output.ts';
import type { RunningModel } from './running-model.ts';

/** An answer that is complete, or was stopped with Ctrl-C. */
export interface RunAnswer {
  readonly text: string;
  readonly finish: FinishEvent;
  /** Name of the node that answered. Undefined: this process answered. */
  readonly worker: string | undefined;
  readonly firstTokenMs: number;
  readonly totalMs: number;
}

/** Generates an answer. `write` gets each piece of text; the next is read after its promise resolves. Throws `ShoalError`. */
export async function generateAnswer(
  model: RunningModel,
  request: InferenceRequest,
  signal: AbortSignal,
  write: (text: string) => Promise<void> | void,
): Promise<RunAnswer> {
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
  throw ShoalError.workerLost('The answer ended early. Try again.');
}

/** Returns a remark for an empty or a cut answer. */
export function remarkOn({ finish, text }: RunAnswer): string | undefined {
  switch (finish.reason) {
    case 'stop':
    case 'tool_calls':
      return text === '' ? '(an empty answer)' : undefined;
    case 'length':
      return '(Cut at the token limit or the end of the context.)';
    case 'abort':
      return undefined;
    default:
      return finish.reason satisfies never;
  }
}

/** Returns lines with time and tokens of each phase, without unknown values. `loadMs`: undefined if nothing was loaded. */
export function timings({ finish, firstTokenMs, totalMs }: RunAnswer, loadMs: number | undefined): readonly string[] {
  const { usage } = finish;
  const answerMs = totalMs - firstTokenMs;
  return [
    ...(loadMs === undefined ? [] : [`load    ${elapsed(loadMs / 1_000)}`]),
    ...(usage === undefined
      ? []
      : [
          `prompt  ${promptLine(usage.promptTokens, usage.cachedTokens, firstTokenMs)}`,
          // The time to the first token counts for the prompt.
          `answer  ${tokens(usage.completionTokens)}, ${elapsed(answerMs / 1_000)}${rate(usage.completionTokens, answerMs, 1)}`,
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

/** `before`: tokens that do not count for the time. */
function rate(number: number, ms: number, before = 0): string {
  const isLong = number >= RATE_MIN_TOKENS && ms > 0;
  return isLong ? `, ${Math.round(((number - before) * 1_000) / ms)} tokens/s` : '';
}

/** Returns the JSON document of an answer. */
export function answerDocument(answer: RunAnswer, loadMs: number | undefined): object {
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

/** Rounds to microseconds: small models differ by less than a millisecond. */
function milliseconds(duration: number): number {
  return Math.round(duration * 1_000) / 1_000;
}

import type { PromptRequest } from '@shoal/node/api';
import type { Home } from '@shoal/host/home';
import { printableName } from '@shoal/host/printable';
import type { FinishEvent } from '@shoal/protocol';
import { ShoalError } from '@shoal/protocol/error';
import { RATE_MIN_TOKENS } from '../terminal/output.ts';
import { promptNode } from './api-client.ts';

/** The JSON document of an answer, which `--json` prints. */
export interface PromptAnswer {
  readonly response: string;
  readonly model: string | null;
  /** The name of the node that answered. */
  readonly worker: string | null;
  /** Null if the worker's dialect does not count tokens. */
  readonly usage: { readonly prompt_tokens: number; readonly completion_tokens: number } | null;
  readonly timing: { readonly first_token_ms: number; readonly total_ms: number };
  /** Number of text events. */
  readonly chunks: number;
}

/** Receives the parts of an answer while it streams. */
export interface AnswerObserver {
  worker?(name: string): void;
  /** The next piece is read after the promise resolves. */
  text?(text: string): Promise<void>;
}

/** Sends a prompt to the node and returns the complete answer. Throws the answer's error. The signal cancels the prompt. */
export async function requestAnswer(
  home: Home,
  request: PromptRequest,
  signal: AbortSignal,
  observer: AnswerObserver,
): Promise<PromptAnswer> {
  const startedAt = performance.now();
  const texts: string[] = [];
  let worker: string | null = null;
  let firstAt: number | undefined;
  let finish: FinishEvent | undefined;
  for await (const line of promptNode(home, request, signal)) {
    if (line.type === 'worker') {
      worker = printableName(line.name);
      observer.worker?.(worker);
    } else if (line.type === 'text') {
      firstAt ??= performance.now();
      texts.push(line.text);
      await observer.text?.(line.text);
    } else if (line.type === 'finish') finish = line;
  }
  if (finish === undefined) throw ShoalError.workerLost('The node closed the connection during the answer.');
  const { model = null, usage } = finish;
  const endedAt = performance.now();
  return {
    response: texts.join(''),
    model,
    worker,
    usage: usage ? { prompt_tokens: usage.promptTokens, completion_tokens: usage.completionTokens } : null,
    timing: {
      first_token_ms: milliseconds((firstAt ?? endedAt) - startedAt),
      total_ms: milliseconds(endedAt - startedAt),
    },
    chunks: texts.length,
  };
}

/** Tokens per second after the first token, because its delay is reported separately. Undefined for a short answer. */
export function tokensPerSecond({ usage, timing }: PromptAnswer): number | undefined {
  const seconds = (timing.total_ms - timing.first_token_ms) / 1_000;
  const tokens = usage?.completion_tokens ?? 0;
  return tokens >= RATE_MIN_TOKENS && seconds > 0 ? Math.round((tokens - 1) / seconds) : undefined;
}

/** Rounds to microseconds: small models differ by less than a millisecond. */
function milliseconds(duration: number): number {
  return Math.round(duration * 1_000) / 1_000;
}

import type { PromptRequest } from '@shoal/node/api';
import type { Home } from '@shoal/host/home';
import { printableName } from '@shoal/host/printable';
import { ShoalError, type FinishEvent } from '@shoal/protocol';
import { promptNode } from './api-client.ts';

/** An answer as it is printed with `--json`. */
export interface Answer {
  readonly response: string;
  readonly model: string | null;
  /** The name of the node that answered. */
  readonly worker: string | null;
  /** Null where the worker's dialect does not count. */
  readonly usage: { readonly prompt_tokens: number; readonly completion_tokens: number } | null;
  readonly timing: { readonly first_token_ms: number; readonly total_ms: number };
  /** In how many pieces the text came. */
  readonly chunks: number;
}

/** Who shows an answer while it comes. */
export interface AnswerView {
  worker?(name: string): void;
  /** The next piece is asked for once this is done. */
  text?(text: string): Promise<void>;
}

/** Has a node's prompt answered. Throws the answer's error; the signal takes the prompt back. */
export async function ask(home: Home, request: PromptRequest, signal: AbortSignal, view: AnswerView): Promise<Answer> {
  const startedAt = performance.now();
  const texts: string[] = [];
  let worker: string | null = null;
  let firstAt: number | undefined;
  let finish: FinishEvent | undefined;
  for await (const line of promptNode(home, request, signal)) {
    if (line.type === 'worker') {
      worker = printableName(line.name);
      view.worker?.(worker);
    } else if (line.type === 'text') {
      firstAt ??= performance.now();
      texts.push(line.text);
      await view.text?.(line.text);
    } else if (line.type === 'finish') finish = line;
  }
  if (finish === undefined) throw ShoalError.workerLost('The node hung up in the middle of the answer.');
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

/** Tokens per second behind the first, whose wait is another figure; undefined where there is nothing to measure. */
export function tokensPerSecond({ usage, timing }: Answer): number | undefined {
  const seconds = (timing.total_ms - timing.first_token_ms) / 1_000;
  const tokens = (usage?.completion_tokens ?? 0) - 1;
  return tokens > 0 && seconds > 0 ? Math.round(tokens / seconds) : undefined;
}

/** Microseconds are what a small model needs to be told apart by. */
function milliseconds(duration: number): number {
  return Math.round(duration * 1_000) / 1_000;
}

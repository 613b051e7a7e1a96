import { AnswerBuilder, type CompletedAnswer } from '@shoal/formats/answer';
import { ShoalError } from '@shoal/protocol';
import type { CancelSignal } from '../cancel.ts';
import type { BatchMistake, BatchQuestion } from './line.ts';
import type { BatchRoom } from './room.ts';
import type { GenerationEvent } from '../generation.ts';
import type { GenerateInput } from '../shoal.ts';

/** The first wait before a line is asked again, doubled each time. */
const FIRST_BACK_OFF_MS = 100;
/** The longest wait before a line is asked again. */
const MAX_BACK_OFF_MS = 2_000;

/** How a line ended for good. */
export type BatchResult =
  | { readonly line: number; readonly customId: string; readonly answer: CompletedAnswer }
  | BatchMistake;

/** Who has a request answered: `Shoal` does. */
export interface Asks {
  generate(input: GenerateInput): AsyncIterable<GenerationEvent>;
}

export interface AttemptOptions {
  readonly asks: Asks;
  readonly room: BatchRoom;
  /** Failures of one line that are made good by asking again. */
  readonly retries: number;
  readonly signal: CancelSignal;
  readonly random: () => number;
  /** Resolves after so many milliseconds, or at once when the batch is ended. */
  readonly wait: (ms: number) => Promise<void>;
}

/**
 * Asks for one line until it is answered or has failed for good; undefined where the batch was ended before. `generate`
 * asks each worker that it can, so what fails here has failed at all of them. Throws `HOST_OFFLINE` where there has been no
 * worker for too long: that is no failure of the line.
 */
export async function attempt(question: BatchQuestion, options: AttemptOptions): Promise<BatchResult | undefined> {
  const { room, signal, retries, wait, random } = options;
  const { line, customId, input } = question;
  let failures = 0;
  for (let round = 0; ; round++) {
    const outcome = await askOnce(input, options);
    if (signal.aborted) return undefined;
    if (!(outcome instanceof ShoalError)) return { line, customId, answer: outcome };
    const verdict = room.verdict(outcome, input.model);
    if (verdict === 'nobody') throw nobody(outcome, room.patienceMs);
    if (verdict === 'retry') failures += 1;
    if (verdict === 'final' || failures > retries) return { line, customId, error: outcome };
    await wait(backOffMs(round, outcome, random));
    if (signal.aborted) return undefined;
  }
}

async function askOnce(
  input: BatchQuestion['input'],
  { asks, signal }: AttemptOptions,
): Promise<CompletedAnswer | ShoalError> {
  const answer = new AnswerBuilder();
  // Several peers at once would run the line more than once.
  for await (const event of asks.generate({ ...input, asksEverybody: false, signal })) {
    if (event.type === 'error') return event.error;
    if (event.type === 'finish') {
      const { model = input.model } = event;
      return answer.finish({ ...event, model }) ?? ShoalError.aborted('The answer was taken back before its end.');
    }
    if (event.type !== 'worker') answer.add(event);
  }
  return ShoalError.workerLost('The answer ended without an end.');
}

/** Drawn by lot from the upper half, so that lines which were refused together do not come back together. */
function backOffMs(round: number, { retryAfterMs = 0 }: ShoalError, random: () => number): number {
  const longest = Math.min(MAX_BACK_OFF_MS, FIRST_BACK_OFF_MS * 2 ** Math.min(round, 10));
  return Math.max(longest, Math.min(retryAfterMs, MAX_BACK_OFF_MS)) * (0.5 + 0.5 * random());
}

/** An error that says why the workers cannot be reached says more than that there are none. */
function nobody(error: ShoalError, patienceMs: number): ShoalError {
  if (['HOST_OFFLINE', 'CONNECT_FAILED', 'UNAUTHORIZED'].includes(error.code)) return error;
  return new ShoalError('HOST_OFFLINE', `No worker has been there for ${patienceMs / 1_000} s.`, { cause: error });
}

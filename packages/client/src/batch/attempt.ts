import { AnswerBuilder, type CompletedAnswer } from '@shoal/formats/answer';
import { ShoalError } from '@shoal/protocol/error';
import { monotonicNow } from '@shoal/transport';
import type { CancelSignal } from '../cancel.ts';
import type { InvalidBatchLine, BatchRequest } from './line.ts';
import type { BatchCapacity } from './capacity.ts';
import type { GenerationEvent } from '../generation.ts';
import type { GenerateInput } from '../shoal.ts';

/** The delay before the first retry of a line. It doubles with each retry. */
const FIRST_BACK_OFF_MS = 100;
/** The longest delay before a retry. */
const MAX_BACK_OFF_MS = 2_000;

/** The final result of a line. */
export type BatchResult =
  | { readonly line: number; readonly customId: string; readonly answer: CompletedAnswer }
  | InvalidBatchLine;

/** Generates answers, as `Shoal` does. */
export interface BatchGenerator {
  generate(input: GenerateInput): AsyncIterable<GenerationEvent>;
}

export interface AttemptOptions {
  readonly generator: BatchGenerator;
  readonly capacity: BatchCapacity;
  /** The number of retries after failures of one line. */
  readonly retries: number;
  readonly signal: CancelSignal;
  readonly random: () => number;
  /** Resolves after the delay, or at once when the batch ends. */
  readonly delay: (ms: number) => Promise<void>;
}

/**
 * Requests one line until it is answered or has finally failed. Undefined if the batch ended before. `generate` tries every
 * suitable worker, so a failure here is a failure of all of them. Throws `HOST_OFFLINE` if there was no worker for too long,
 * which is not a failure of the line. The deadline of the line covers all attempts and the delays between them.
 */
export async function attempt(request: BatchRequest, options: AttemptOptions): Promise<BatchResult | undefined> {
  const { capacity, signal, retries, delay, random } = options;
  const { line, customId, input } = request;
  const { deadlineMs = Infinity } = input;
  const deadlineAt = monotonicNow() + deadlineMs;
  let failures = 0;
  for (let round = 0; ; round++) {
    const outcome = await generateBefore(deadlineAt, input, options);
    if (signal.aborted) return undefined;
    if (!(outcome instanceof ShoalError)) return { line, customId, answer: outcome };
    const verdict = capacity.verdict(outcome, input.model);
    if (verdict === 'no worker') throw noWorker(outcome, capacity.workerTimeoutMs);
    if (verdict === 'retry') failures += 1;
    if (verdict === 'final' || failures > retries) return { line, customId, error: outcome };
    await delay(Math.min(backOffMs(round, outcome, random), Math.max(0, deadlineAt - monotonicNow())));
    if (signal.aborted) return undefined;
  }
}

async function generateBefore(
  deadlineAt: number,
  input: BatchRequest['input'],
  options: AttemptOptions,
): Promise<CompletedAnswer | ShoalError> {
  if (deadlineAt === Infinity) return generateOnce(input, options);
  const deadlineMs = Math.ceil(deadlineAt - monotonicNow());
  return deadlineMs <= 0 ? ShoalError.deadlineExceeded() : generateOnce({ ...input, deadlineMs }, options);
}

async function generateOnce(
  input: BatchRequest['input'],
  { generator, signal }: AttemptOptions,
): Promise<CompletedAnswer | ShoalError> {
  const answer = new AnswerBuilder();
  // If several peers were asked, each would run the line.
  for await (const event of generator.generate({ ...input, asksEverybody: false, signal })) {
    if (event.type === 'error') return event.error;
    if (event.type === 'finish') {
      const { model = input.model } = event;
      return answer.finish({ ...event, model }) ?? ShoalError.aborted('The answer was aborted before its end.');
    }
    if (event.type !== 'worker') answer.add(event);
  }
  return ShoalError.workerLost('The answer has no terminal event.');
}

/** Random within the upper half, so that lines which were refused together are not retried together. */
function backOffMs(round: number, { retryAfterMs = 0 }: ShoalError, random: () => number): number {
  const longest = Math.min(MAX_BACK_OFF_MS, FIRST_BACK_OFF_MS * 2 ** Math.min(round, 10));
  return Math.max(longest, Math.min(retryAfterMs, MAX_BACK_OFF_MS)) * (0.5 + 0.5 * random());
}

/** Keeps an error that has the reason why workers cannot be reached. */
function noWorker(error: ShoalError, workerTimeoutMs: number): ShoalError {
  if (['HOST_OFFLINE', 'CONNECT_FAILED', 'UNAUTHORIZED'].includes(error.code)) return error;
  return new ShoalError('HOST_OFFLINE', `There was no worker for ${workerTimeoutMs / 1_000} s.`, { cause: error });
}

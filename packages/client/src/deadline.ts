import { MAX_DEADLINE_MS } from '@shoal/protocol';
import { ShoalError } from '@shoal/protocol/error';
import { monotonicNow } from '@shoal/transport';
import { Cancellation } from './cancel.ts';
import type { GenerationEvent } from './generation.ts';

/** Throws `INVALID_REQUEST` unless a deadline in milliseconds is undefined or within the limits of the wire. */
export function checkDeadline(deadlineMs: number | undefined): void {
  if (deadlineMs === undefined) return;
  if (Number.isInteger(deadlineMs) && deadlineMs >= 1 && deadlineMs <= MAX_DEADLINE_MS) return;
  throw ShoalError.invalidRequest(`deadlineMs must be a whole number of milliseconds from 1 to ${MAX_DEADLINE_MS}.`);
}

/**
 * Runs a request that ends with `DEADLINE_EXCEEDED` once `deadlineMs` have passed since this call, whatever it waits for. `run`
 * must end with a `finish` of the reason `abort` after its cancellation; that of the deadline is turned into the error. An
 * answer that was complete before, and waits for its reader, stays complete.
 */
export function withDeadline(
  deadlineMs: number | undefined,
  cancellation: Cancellation,
  run: (cancellation: Cancellation) => AsyncGenerator<GenerationEvent, undefined>,
): AsyncGenerator<GenerationEvent, undefined> {
  return deadlineMs === undefined ? run(cancellation) : limited(monotonicNow() + deadlineMs, cancellation, run);
}

async function* limited(
  deadlineAt: number,
  cancellation: Cancellation,
  run: (cancellation: Cancellation) => AsyncGenerator<GenerationEvent, undefined>,
): AsyncGenerator<GenerationEvent, undefined> {
  const either = new Cancellation();
  const stopListening = cancellation.onCancel(() => either.cancel());
  let hasPassed = false;
  const timer = setTimeout(
    () => {
      hasPassed = !either.isCancelled;
      either.cancel();
    },
    Math.max(0, deadlineAt - monotonicNow()),
  );
  try {
    for await (const event of run(either)) {
      const isCutShort = event.type === 'error' || (event.type === 'finish' && event.reason === 'abort');
      yield hasPassed && isCutShort ? { type: 'error', error: ShoalError.deadlineExceeded() } : event;
    }
  } finally {
    clearTimeout(timer);
    stopListening();
  }
}

import type { InferenceEvent } from '@shoal/protocol';
import { ShoalError } from '@shoal/protocol/error';
import { engineClosed } from '../child-process/errors.ts';

export interface ServerGeneration {
  /** Yields the server's answer with one `finish`. Throws its errors. The signal ends it. */
  answer(signal: AbortSignal): AsyncIterable<InferenceEvent>;
  /** Aborted when the request is cancelled. */
  readonly signal: AbortSignal;
  /** Aborted when the engine is closed. */
  readonly closing: AbortSignal;
  /** Converts an error to one that may be sent to a peer. */
  forPeer(error: ShoalError): ShoalError;
}

/** Yields the answer with exactly one terminal event: its own, or that of an abort, a closed engine or an error. */
export async function* withOneTerminalEvent(generation: ServerGeneration): AsyncGenerator<InferenceEvent> {
  const { signal, closing } = generation;
  const ended = AbortSignal.any([signal, closing]);
  try {
    if (!ended.aborted) {
      for await (const event of generation.answer(ended)) {
        if (ended.aborted) break;
        yield event;
        if (event.type === 'finish') return;
      }
    }
    yield endOf(signal);
  } catch (thrown) {
    yield ended.aborted ? endOf(signal) : { type: 'error', error: generation.forPeer(ShoalError.from(thrown)) };
  }
}

/** The terminal event of an answer that was ended from here. */
function endOf(signal: AbortSignal): InferenceEvent {
  return signal.aborted
    ? { type: 'finish', reason: 'abort', rawReason: 'signal' }
    : { type: 'error', error: engineClosed() };
}

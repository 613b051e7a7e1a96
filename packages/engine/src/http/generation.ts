import { type InferenceEvent, ShoalError } from '@shoal/protocol';

export interface Generation {
  /** What the server says; its signal ends it. Throws what goes wrong, and yields the one `finish`. */
  answer(signal: AbortSignal): AsyncIterable<InferenceEvent>;
  /** Whoever asked takes the request back. */
  readonly signal: AbortSignal;
  /** The engine is closed. */
  readonly closing: AbortSignal;
  /** What whoever asked hears of an error. */
  forPeer(error: ShoalError): ShoalError;
}

/** The answer with exactly one end: its own, that it was taken back, that the engine was closed, or what went wrong. */
export async function* withOneEnd(generation: Generation): AsyncGenerator<InferenceEvent> {
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
    yield cutShort(signal);
  } catch (thrown) {
    yield ended.aborted ? cutShort(signal) : { type: 'error', error: generation.forPeer(ShoalError.from(thrown)) };
  }
}

export function closed(): ShoalError {
  return ShoalError.aborted('The engine was closed.');
}

function cutShort(signal: AbortSignal): InferenceEvent {
  return signal.aborted ? { type: 'finish', reason: 'abort', rawReason: 'signal' } : { type: 'error', error: closed() };
}

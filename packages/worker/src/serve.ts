import type { Engine } from '@shoal/engine';
import { cutText, type InferenceEvent, type InferenceRequest, isTerminal, ShoalError } from '@shoal/protocol';
import type { Exchange } from '@shoal/transport';
import type { SpeedGauge } from './speed.ts';

export interface ServeOptions {
  readonly maxTokens: number;
  readonly speed: SpeedGauge;
  readonly signal: AbortSignal;
  readonly onError: (error: ShoalError) => void;
}

/** How a request ended, seen from here: `aborted` where it was cut short by whoever asked. */
export type Outcome = 'answered' | 'failed' | 'aborted';

/**
 * The whole line: a request goes to the engine and its events go back, each once the peer has room for it. Exactly one
 * terminal event leaves; the signal ends the engine's work at once. Never rejects.
 */
export async function serve(
  exchange: Exchange,
  chooseEngine: (signal: AbortSignal) => Engine | Promise<Engine>,
  { maxTokens, speed, signal, onError }: ServeOptions,
): Promise<Outcome> {
  if (exchange.ended) return 'aborted';
  try {
    const engine = await chooseEngine(signal);
    const end = await forward(engine.generate(limited(exchange.request, maxTokens), signal), exchange, speed);
    if (end !== undefined) return end;
    throw new Error('The engine ended without a terminal event.');
  } catch (thrown) {
    const error = ShoalError.from(thrown);
    onError(error);
    await exchange.send({ type: 'error', error });
    return 'failed';
  }
}

/** Undefined where the events ended without a terminal one. */
async function forward(
  events: AsyncIterable<InferenceEvent>,
  exchange: Exchange,
  speed: SpeedGauge,
): Promise<Outcome | undefined> {
  let firstAt: number | undefined;
  for await (const event of events) {
    if (event.type === 'text') firstAt ??= performance.now();
    if (event.type === 'finish' && firstAt !== undefined) {
      speed.add(event.usage?.completionTokens ?? 0, performance.now() - firstAt);
    }
    for (const piece of event.type === 'text' ? cutText(event) : [event]) {
      if (exchange.ended) return 'aborted';
      const goesOn = await exchange.send(piece);
      if (isTerminal(piece)) return outcomeOf(piece);
      if (!goesOn) return 'aborted';
    }
  }
  return exchange.ended ? 'aborted' : undefined;
}

function outcomeOf(terminal: InferenceEvent): Outcome {
  if (terminal.type === 'error') return 'failed';
  return terminal.type === 'finish' && terminal.reason === 'abort' ? 'aborted' : 'answered';
}

function limited(request: InferenceRequest, maxTokens: number): InferenceRequest {
  const { sampling } = request;
  return { ...request, sampling: { ...sampling, maxTokens: Math.min(sampling.maxTokens ?? maxTokens, maxTokens) } };
}

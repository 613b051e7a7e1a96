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

/**
 * The whole line: a request goes to the engine and its events go back, each once the peer has room for it. Exactly one
 * terminal event leaves; the signal ends the engine's work at once. Never rejects.
 */
export async function serve(exchange: Exchange, engine: Engine, options: ServeOptions): Promise<void> {
  if (exchange.ended) return;
  try {
    const events = engine.generate(limited(exchange.request, options.maxTokens), options.signal);
    await forward(events, exchange, options.speed);
    if (!exchange.ended) throw new Error('The engine ended without a terminal event.');
  } catch (thrown) {
    const error = ShoalError.from(thrown);
    options.onError(error);
    await exchange.send({ type: 'error', error });
  }
}

async function forward(events: AsyncIterable<InferenceEvent>, exchange: Exchange, speed: SpeedGauge): Promise<void> {
  let firstAt: number | undefined;
  for await (const event of events) {
    if (event.type === 'text') firstAt ??= performance.now();
    if (event.type === 'finish' && firstAt !== undefined) {
      speed.add(event.usage?.completionTokens ?? 0, performance.now() - firstAt);
    }
    for (const piece of event.type === 'text' ? cutText(event) : [event]) {
      const goesOn = await exchange.send(piece);
      if (!goesOn || isTerminal(piece)) return;
    }
  }
}

function limited(request: InferenceRequest, maxTokens: number): InferenceRequest {
  const { sampling } = request;
  return { ...request, sampling: { ...sampling, maxTokens: Math.min(sampling.maxTokens ?? maxTokens, maxTokens) } };
}

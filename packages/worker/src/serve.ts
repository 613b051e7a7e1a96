import type { Engine } from '@shoal/engine';
import {
  type ErrorCode,
  type InferenceEvent,
  type InferenceRequest,
  isTerminal,
  ShoalError,
  type TerminalEvent,
} from '@shoal/protocol';
import type { Exchange } from '@shoal/transport';
import { cutEvent } from './cut-event.ts';
import type { SpeedGauge } from './speed.ts';

export interface ServeOptions {
  readonly maxTokens: number;
  readonly speed: SpeedGauge;
  readonly signal: AbortSignal;
  /** Hears what went wrong here, with its cause, which stays at home. */
  readonly onError: (error: ShoalError) => void;
}

/** What is wrong with the request itself is no news to whoever lends. */
const ASKER_FAULTS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'INVALID_REQUEST',
  'CONTEXT_EXCEEDED',
  'MODEL_NOT_FOUND',
]);

/** How a request ended that was begun. */
export interface ServeEnd {
  /** `aborted`: taken back by whoever asked, not read by them, or past their deadline. */
  readonly outcome: 'answered' | 'failed' | 'aborted';
  /** Why, where it failed. */
  readonly error?: ShoalError | undefined;
  /** Generated, as far as the engine tells. */
  readonly tokens: number;
}

/**
 * The whole line: a request goes to the engine and its events go back, each once the peer has room for it. Exactly one
 * terminal event leaves; the signal ends the engine's work at once. Never rejects.
 */
export async function serve(
  exchange: Exchange,
  chooseEngine: (signal: AbortSignal) => Engine | Promise<Engine>,
  { maxTokens, speed, signal, onError }: ServeOptions,
): Promise<ServeEnd> {
  if (exchange.ended) return { outcome: 'aborted', tokens: 0 };
  try {
    const engine = await chooseEngine(signal);
    const end = await forward(engine.generate(limited(exchange.request, maxTokens), signal), exchange, speed);
    if (end?.error !== undefined && !ASKER_FAULTS.has(end.error.code)) onError(end.error);
    // An end that waited for room in vain was never said.
    if (end?.outcome === 'answered' && signal.aborted) return { outcome: 'aborted', tokens: end.tokens };
    if (end !== undefined) return end;
    throw new Error('The engine ended without a terminal event.');
  } catch (thrown) {
    const error = ShoalError.from(thrown);
    onError(error);
    await exchange.send({ type: 'error', error });
    return { outcome: 'failed', error, tokens: 0 };
  }
}

/** Undefined where the events ended without a terminal one. */
async function forward(
  events: AsyncIterable<InferenceEvent>,
  exchange: Exchange,
  speed: SpeedGauge,
): Promise<ServeEnd | undefined> {
  let firstAt: number | undefined;
  let tokens = 0;
  for await (const event of events) {
    if (event.type === 'text' || event.type === 'tool_call') {
      firstAt ??= performance.now();
      tokens += event.tokens.length;
    }
    if (event.type === 'finish' && firstAt !== undefined) {
      speed.add(event.usage?.completionTokens ?? 0, performance.now() - firstAt);
    }
    for (const piece of cutEvent(event)) {
      if (exchange.ended) return { outcome: 'aborted', tokens };
      const goesOn = await exchange.send(piece);
      if (isTerminal(piece)) return endOf(piece, tokens);
      if (!goesOn) return { outcome: 'aborted', tokens };
    }
  }
  return exchange.ended ? { outcome: 'aborted', tokens } : undefined;
}

function endOf(terminal: TerminalEvent, tokens: number): ServeEnd {
  if (terminal.type === 'error') return { outcome: 'failed', error: terminal.error, tokens };
  if (terminal.reason === 'abort') return { outcome: 'aborted', tokens };
  return { outcome: 'answered', tokens: terminal.usage?.completionTokens ?? tokens };
}

function limited(request: InferenceRequest, maxTokens: number): InferenceRequest {
  const { sampling } = request;
  return { ...request, sampling: { ...sampling, maxTokens: Math.min(sampling.maxTokens ?? maxTokens, maxTokens) } };
}

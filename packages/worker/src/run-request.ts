import type { Engine } from '@shoal/engine';
import { type InferenceEvent, isTerminal, type TerminalEvent } from '@shoal/protocol';
import type { InferenceRequest } from '@shoal/protocol/request';
import { type ErrorCode, ShoalError } from '@shoal/protocol/error';
import type { Exchange } from '@shoal/transport';
import type { Lease } from './admission.ts';
import { cutEvent } from './cut-event.ts';
import type { SpeedGauge } from './speed.ts';

/** While another group of peers waits for the slot, a peer that reads nothing of its answer for this long loses it. */
export const WANTED_STALL_MS = 500;

export interface RunOptions extends RequestLimits {
  readonly speed: SpeedGauge;
  readonly signal: AbortSignal;
  readonly lease: Pick<Lease, 'isWanted' | 'unread'>;
  /** Receives errors with their causes, which are not sent to the peer. */
  readonly onError: (error: ShoalError) => void;
}

/** The limits of the requests of a door. */
export interface RequestLimits {
  /** The most tokens of one answer; Infinity: no limit. A request may ask for fewer. */
  readonly maxTokens: number;
  /** True if a request may change how long its model stays in memory. Default: false. */
  readonly obeysKeepAlive?: boolean | undefined;
}

/** Errors of the request itself, which are not reported to the lender. */
const REQUEST_ERRORS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'INVALID_REQUEST',
  'CONTEXT_EXCEEDED',
  'MODEL_NOT_FOUND',
]);

/** The end of a request that was started. */
export interface RunEnd {
  /** `aborted`: cancelled by the peer, not read by it, or past its deadline. */
  readonly outcome: 'answered' | 'failed' | 'aborted';
  /** The error of a failed request. */
  readonly error?: ShoalError | undefined;
  /** Generated tokens, if the engine reports them. */
  readonly tokens: number;
  /** Milliseconds from the first tokens to the end. Undefined if there were none. */
  readonly generatingMs?: number | undefined;
}

/**
 * Sends a request to the engine and its events to the peer, each when the peer has room for it. Sends exactly one terminal
 * event. The signal stops the engine at once. Never rejects.
 */
export async function runRequest(
  exchange: Exchange,
  selectEngine: (signal: AbortSignal) => Engine | Promise<Engine>,
  { speed, signal, onError, lease, ...limits }: RunOptions,
): Promise<RunEnd> {
  if (exchange.ended) return { outcome: 'aborted', tokens: 0 };
  try {
    const engine = await selectEngine(signal);
    const events = engine.generate(limited(exchange.request, limits), signal);
    const reader = watchReader(exchange, lease);
    const end = await forward(events, reader.exchange, speed).finally(reader.stop);
    if (end?.error !== undefined && !REQUEST_ERRORS.has(end.error.code)) onError(end.error);
    // A finish that still waited for room when the request was aborted was not sent.
    if (end?.outcome === 'answered' && signal.aborted) return { ...end, outcome: 'aborted' };
    if (end !== undefined) return end;
    throw new Error('The engine ended without a terminal event.');
  } catch (thrown) {
    const error = ShoalError.from(thrown);
    onError(error);
    await exchange.send({ type: 'error', error });
    return { outcome: 'failed', error, tokens: 0 };
  }
}

/**
 * Ends an answer whose peer reads nothing while others wait for its slot. Its own limit is longer, because a reader that
 * pauses harms nobody else.
 */
function watchReader(exchange: Exchange, lease: RunOptions['lease']) {
  let sends = 0;
  let open: number | undefined;
  let openBefore: number | undefined;
  const timer = setInterval(() => {
    if (open !== undefined && open === openBefore && lease.isWanted) {
      lease.unread();
      const error = ShoalError.aborted('The peer did not read the answer, and others waited for the slot.');
      void exchange.send({ type: 'error', error });
    }
    openBefore = open;
  }, WANTED_STALL_MS / 2);
  return {
    exchange: {
      get ended() {
        return exchange.ended;
      },
      async send(event: InferenceEvent): Promise<boolean> {
        open = sends += 1;
        const goesOn = await exchange.send(event);
        open = undefined;
        return goesOn;
      },
    },
    stop: () => clearInterval(timer),
  };
}

/** Resolves with undefined if the events ended without a terminal one. */
async function forward(
  events: AsyncIterable<InferenceEvent>,
  exchange: Pick<Exchange, 'ended' | 'send'>,
  speed: SpeedGauge,
): Promise<RunEnd | undefined> {
  let firstAt: number | undefined;
  let tokens = 0;
  const timed = (end: RunEnd): RunEnd =>
    firstAt === undefined ? end : { ...end, generatingMs: performance.now() - firstAt };
  for await (const event of events) {
    if ('tokens' in event) {
      firstAt ??= performance.now();
      tokens += event.tokens.length;
    }
    if (event.type === 'finish' && firstAt !== undefined) {
      speed.add(event.usage?.completionTokens ?? 0, performance.now() - firstAt);
    }
    for (const piece of cutEvent(event)) {
      if (exchange.ended) return timed({ outcome: 'aborted', tokens });
      const goesOn = await exchange.send(piece);
      if (isTerminal(piece)) return timed(endOf(piece, tokens));
      if (!goesOn) return timed({ outcome: 'aborted', tokens });
    }
  }
  return exchange.ended ? timed({ outcome: 'aborted', tokens }) : undefined;
}

function endOf(terminal: TerminalEvent, tokens: number): RunEnd {
  if (terminal.type === 'error') return { outcome: 'failed', error: terminal.error, tokens };
  if (terminal.reason === 'abort') return { outcome: 'aborted', tokens };
  return { outcome: 'answered', tokens: terminal.usage?.completionTokens ?? tokens };
}

function limited(
  { keepAliveMs, ...request }: InferenceRequest,
  { maxTokens, obeysKeepAlive = false }: RequestLimits,
): InferenceRequest {
  const most = Math.min(request.sampling.maxTokens ?? Infinity, maxTokens);
  return {
    ...request,
    ...(obeysKeepAlive && { keepAliveMs }),
    sampling: { ...request.sampling, maxTokens: most === Infinity ? undefined : most },
  };
}

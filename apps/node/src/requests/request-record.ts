import { printableName } from '@shoal/host/printable';
import type { ErrorCode } from '@shoal/protocol/error';
import type { InferenceRequest } from '@shoal/protocol/request';
import type { EndedRequest } from '@shoal/worker';
import type { Outcome } from '../http/metrics/metrics.ts';

/** A rate is computed from this many tokens on. Fewer say little. */
const RATED_TOKENS_MIN = 20;
/** Characters of a peer's key that are shown. */
const KEY_CHARACTERS = 8;
/** Characters of the names of models and programs, which callers choose. */
const NAME_CHARACTERS_MAX = 64;

/** Errors by which a request is refused before any work. */
const REFUSALS: ReadonlySet<Outcome> = new Set<Outcome>([
  'CONTEXT_EXCEEDED',
  'HOST_OFFLINE',
  'INVALID_REQUEST',
  'MODEL_BUSY',
  'MODEL_NOT_FOUND',
  'OVERLOADED',
  'QUEUE_FULL',
  'UNAUTHORIZED',
]);

/** The end of a request of a peer, or of a program of this machine. */
export interface RequestRecord {
  readonly from: 'peer' | 'program';
  /** Printable: the peer's key, address or name, or the name of a program. */
  readonly who: string;
  /** The door, or the API. */
  readonly via: string;
  /** Empty if the request names no model. */
  readonly model: string;
  /** `refused`: never started. `aborted`: cancelled by the asker. */
  readonly outcome: 'answered' | 'failed' | 'aborted' | 'refused';
  readonly code?: ErrorCode | undefined;
  /** Generated tokens. */
  readonly tokens: number;
  /** Undefined for an answer of few tokens. */
  readonly tokensPerSecond?: number | undefined;
  readonly durationMs: number;
}

/** Receives the end of a request, and the request, which is not kept. */
export type RequestListener = (record: RequestRecord, request: InferenceRequest) => void;

/** Returns undefined for a prompt that is only counted and for the loading of a model. */
export function recordOfPeer(
  ended: EndedRequest,
  nameOf: (key: string) => string | undefined,
): RequestRecord | undefined {
  const { door, exchange, outcome, error, tokens, generatingMs, durationMs } = ended;
  const { remote, request } = exchange;
  if (remote === undefined || request.countOnly === true) return undefined;
  const { key, address } = remote;
  return {
    from: 'peer',
    who: key === undefined ? shortName(address) : peerText(key, nameOf(key)),
    via: door,
    model: shortName(request.model ?? ''),
    outcome,
    ...(error !== undefined && { code: error.code }),
    tokens,
    tokensPerSecond: rate(tokens, generatingMs),
    durationMs: Math.round(durationMs),
  };
}

/** The end of a call of the local API, as its metrics have it. */
export interface EndedCall extends Pick<RequestRecord, 'who' | 'via' | 'model' | 'tokens' | 'durationMs'> {
  readonly outcome: Outcome;
  /** Milliseconds from the first tokens to the end. */
  readonly generatingMs?: number | undefined;
}

export function recordOfProgram({ outcome, generatingMs, durationMs, who, model, ...call }: EndedCall): RequestRecord {
  return {
    ...call,
    from: 'program',
    who: shortName(who),
    model: shortName(model),
    ...endOf(outcome),
    tokensPerSecond: rate(call.tokens, generatingMs),
    durationMs: Math.round(durationMs),
  };
}

function endOf(outcome: Outcome): Pick<RequestRecord, 'outcome' | 'code'> {
  if (outcome === 'ok') return { outcome: 'answered' };
  if (outcome === 'cancelled') return { outcome: 'aborted' };
  return { outcome: REFUSALS.has(outcome) ? 'refused' : 'failed', code: outcome };
}

/** Tokens per second, to a tenth. */
function rate(tokens: number, generatingMs = 0): number | undefined {
  if (tokens < RATED_TOKENS_MIN || generatingMs <= 0) return undefined;
  return Math.round(((tokens - 1) * 10_000) / generatingMs) / 10;
}

/** `NodeA (1a2b3c4d)`: a peer chooses its name, so that the key tells who it is. */
function peerText(key: string, name = ''): string {
  const start = key.slice(0, KEY_CHARACTERS);
  return name === '' ? start : `${shortName(name)} (${start})`;
}

function shortName(name: string): string {
  return printableName(name).slice(0, NAME_CHARACTERS_MAX);
}

import type { Usage } from '@shoal/protocol';
import type { InferenceRequest } from '@shoal/protocol/request';
import type { EndedRequest } from '@shoal/worker';
import type { Outcome, RequestMetrics } from '../http/metrics/metrics.ts';
import { RequestHistory } from './request-history.ts';
import { type EndedCall, recordOfPeer, recordOfProgram, type RequestListener } from './request-record.ts';

/** A call of the local API that a model answers. */
export interface ProgramCall extends Pick<EndedCall, 'who' | 'via' | 'model'> {
  readonly request: InferenceRequest;
  /** Measures the call as well. */
  readonly metrics?: RequestMetrics | undefined;
}

/** The requests that this node has answered: counted for a day, and passed on at their end. */
export class RequestLog {
  readonly #history = new RequestHistory();
  readonly #listener: RequestListener;

  constructor(listener: RequestListener = () => {}) {
    this.#listener = listener;
  }

  get periods(): RequestHistory['periods'] {
    return this.#history.periods;
  }

  /** A peer's request has ended. `nameOf` returns the name of the peer with a key. */
  peerEnded(ended: EndedRequest, nameOf: (key: string) => string | undefined): void {
    const record = recordOfPeer(ended, nameOf);
    if (record !== undefined) this.#add(record, ended.exchange.request);
  }

  /** A program's call has begun. The `end` of what is returned must be called, however the call ends. */
  begin({ request, ...call }: ProgramCall): RequestMetrics {
    return new CallRecorder(call, (ended) => this.#add(recordOfProgram(ended), request));
  }

  #add(...[record, request]: Parameters<RequestListener>): void {
    this.#history.add(record);
    this.#listener(record, request);
  }
}

/** Follows one call of a program until its end. */
class CallRecorder implements RequestMetrics {
  readonly #call: Omit<ProgramCall, 'request'>;
  readonly #onEnd: (ended: EndedCall) => void;
  readonly #startedAt = performance.now();
  #model: string;
  #firstAt: number | undefined;
  #tokens = 0;
  #isEnded = false;

  constructor(call: Omit<ProgramCall, 'request'>, onEnd: (ended: EndedCall) => void) {
    this.#call = call;
    this.#onEnd = onEnd;
    this.#model = call.model;
  }

  answeredBy(model: string): void {
    this.#model = model;
  }

  first(): void {
    this.#firstAt ??= performance.now();
    this.#call.metrics?.first();
  }

  token(count: number): void {
    this.#tokens += count;
    this.#call.metrics?.token(count);
  }

  end(outcome: Outcome, usage?: Usage): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    const { who, via, metrics } = this.#call;
    metrics?.end(outcome, usage);
    const now = performance.now();
    this.#onEnd({
      who,
      via,
      model: this.#model,
      outcome,
      tokens: usage?.completionTokens ?? this.#tokens,
      durationMs: now - this.#startedAt,
      ...(this.#firstAt !== undefined && { generatingMs: now - this.#firstAt }),
    });
  }
}

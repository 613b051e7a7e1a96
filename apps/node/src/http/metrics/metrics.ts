import type { Usage } from '@shoal/protocol';
import type { ErrorCode } from '@shoal/protocol/error';
import type { Traffic } from '@shoal/transport';
import { Instruments } from './instruments.ts';
import { LoopDelay } from './loop-delay.ts';
import { ModelLabels } from './model-labels.ts';

/** As OpenTelemetry names them, and `count_tokens`. */
export type Operation = 'chat' | 'text_completion' | 'embeddings' | 'count_tokens';

export interface MeasuredCall {
  readonly api: 'openai' | 'ollama' | 'anthropic' | 'shoal';
  readonly operation: Operation;
  /** The name of the request. */
  readonly model: string;
}

/** The end of a request, as the label `outcome` has it. */
export type Outcome = 'ok' | 'cancelled' | ErrorCode;

/** The state of a node at a scrape. */
export interface NodeFigures {
  /** Requests that wait for a slot. */
  readonly queue: number;
  readonly workers: { readonly free: number; readonly busy: number; readonly silent: number };
  /** `traffic()` of @shoal/transport. */
  readonly traffic: Readonly<Record<string, Traffic>>;
  /** 0 to 100. */
  readonly health: number;
  readonly ready: boolean;
}

export interface MetricsOptions {
  /** Returns true for the name of a model that this node or one of its peers lends. */
  readonly isOffered: (model: string) => boolean;
  /** The monotonic clock, in milliseconds. Default: `performance.now`. */
  readonly now?: (() => number) | undefined;
}

/** Measures one request. */
export interface RequestMetrics {
  /** The model that answers is known. */
  answeredBy?(model: string): void;
  /** The first token has arrived. Later calls do nothing. */
  first(): void;
  /** Tokens of the answer have arrived. */
  token(count: number): void;
  /** The request has ended. Later calls do nothing. Without a usage the output tokens are those of `token`. */
  end(outcome: Outcome, usage?: Usage): void;
}

/** The labels of an operation and a model. They are shared by all its requests. */
type CallLabels = Readonly<Record<'gen_ai_operation_name' | 'gen_ai_request_model', string>>;

/** The metrics of a node, as Prometheus reads them. */
export class Metrics {
  readonly #now: () => number;
  readonly #models: ModelLabels;
  readonly #instruments = new Instruments();
  readonly #loopDelay = new LoopDelay();
  readonly #labels = new Map<string, CallLabels>();
  #active = 0;

  constructor({ isOffered, now = () => performance.now() }: MetricsOptions) {
    this.#now = now;
    this.#models = new ModelLabels(isOffered);
  }

  /** The content type of `render`. */
  get contentType(): string {
    return this.#instruments.registry.contentType;
  }

  /** Starts to measure a request. Its `end` must be called, however it ends. */
  begin({ api, operation, model }: MeasuredCall): RequestMetrics {
    this.#active += 1;
    return new Measurement(this.#instruments, this.#labelsOf(operation, model), this.#now, (outcome) => {
      this.#active -= 1;
      this.#instruments.requests.inc({ api, outcome });
    });
  }

  /** Returns all metrics in Prometheus' text format. */
  render(figures: NodeFigures): Promise<string> {
    const { queue, workers, active, health, ready, memory, loopLag, resources, registry } = this.#instruments;
    active.set(this.#active);
    queue.set(figures.queue);
    for (const [state, count] of Object.entries(figures.workers)) workers.set({ state }, count);
    health.set(figures.health);
    ready.set(figures.ready ? 1 : 0);
    memory.set(process.memoryUsage.rss());
    loopLag.set(this.#loopDelay.take());
    resources.set(process.getActiveResourcesInfo().length);
    this.#setTraffic(figures.traffic);
    return registry.metrics();
  }

  /** Ends the measurement of the event loop. */
  close(): void {
    this.#loopDelay.close();
  }

  #setTraffic(traffic: NodeFigures['traffic']): void {
    const { bytes } = this.#instruments;
    bytes.reset();
    for (const [transport, { received, sent }] of Object.entries(traffic)) {
      bytes.inc({ transport, direction: 'received' }, received);
      bytes.inc({ transport, direction: 'sent' }, sent);
    }
  }

  #labelsOf(operation: string, model: string): CallLabels {
    const label = this.#models.labelOf(model);
    const key = `${operation} ${label}`;
    const known = this.#labels.get(key);
    if (known !== undefined) return known;
    const labels = { gen_ai_operation_name: operation, gen_ai_request_model: label };
    this.#labels.set(key, labels);
    return labels;
  }
}

class Measurement implements RequestMetrics {
  readonly #instruments: Instruments;
  readonly #labels: CallLabels;
  readonly #now: () => number;
  readonly #ended: (outcome: Outcome) => void;
  readonly #startedAt: number;
  #firstAt: number | undefined;
  #tokens = 0;
  #isEnded = false;

  constructor(instruments: Instruments, labels: CallLabels, now: () => number, ended: (outcome: Outcome) => void) {
    this.#instruments = instruments;
    this.#labels = labels;
    this.#now = now;
    this.#ended = ended;
    this.#startedAt = now();
  }

  first(): void {
    if (this.#firstAt !== undefined || this.#isEnded) return;
    this.#firstAt = this.#now();
    this.#instruments.firstToken.observe(this.#labels, (this.#firstAt - this.#startedAt) / 1_000);
  }

  token(count: number): void {
    this.#tokens += count;
  }

  end(outcome: Outcome, usage?: Usage): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#ended(outcome);
    const now = this.#now();
    const isError = outcome !== 'ok' && outcome !== 'cancelled';
    const labels = isError ? { ...this.#labels, error_type: outcome } : this.#labels;
    this.#instruments.duration.observe(labels, (now - this.#startedAt) / 1_000);
    this.#observeTokens(usage, now);
  }

  #observeTokens(usage: Usage | undefined, now: number): void {
    const output = usage?.completionTokens ?? this.#tokens;
    const { tokens, perToken } = this.#instruments;
    if (usage !== undefined) tokens.observe({ ...this.#labels, gen_ai_token_type: 'input' }, usage.promptTokens);
    if (output === 0) return;
    tokens.observe({ ...this.#labels, gen_ai_token_type: 'output' }, output);
    if (this.#firstAt === undefined || output < 2) return;
    perToken.observe(this.#labels, (now - this.#firstAt) / 1_000 / (output - 1));
  }
}

import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** The buckets that OpenTelemetry's conventions for generative AI advise, in seconds and tokens. */
const DURATION_S = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
const FIRST_TOKEN_S = [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const PER_TOKEN_S = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5];
const TOKENS = [1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576];

const CALL = ['gen_ai_operation_name', 'gen_ai_request_model'] as const;

/** The metrics of one node, in a registry of their own. */
export class Instruments {
  readonly registry = new Registry();
  readonly #registers = [this.registry];

  readonly duration = new Histogram({
    name: 'gen_ai_server_request_duration_seconds',
    help: 'Time from the arrival of a request to the end of its answer',
    labelNames: [...CALL, 'error_type'],
    buckets: DURATION_S,
    registers: this.#registers,
  });
  readonly firstToken = new Histogram({
    name: 'gen_ai_server_time_to_first_token_seconds',
    help: 'Time from the arrival of a request to the first token of its answer',
    labelNames: CALL,
    buckets: FIRST_TOKEN_S,
    registers: this.#registers,
  });
  readonly perToken = new Histogram({
    name: 'gen_ai_server_time_per_output_token_seconds',
    help: 'Mean time between the tokens of an answer, after the first one',
    labelNames: CALL,
    buckets: PER_TOKEN_S,
    registers: this.#registers,
  });
  readonly tokens = new Histogram({
    name: 'gen_ai_client_token_usage',
    help: 'Tokens of a request (input) and of its answer (output)',
    labelNames: [...CALL, 'gen_ai_token_type'],
    buckets: TOKENS,
    registers: this.#registers,
  });
  readonly requests = new Counter({
    name: 'shoal_requests_total',
    help: 'Ended requests by API and outcome: ok, cancelled, or the code of the error',
    labelNames: ['api', 'outcome'],
    registers: this.#registers,
  });
  readonly active = this.#gauge('shoal_requests_active', 'Requests that have not ended');
  readonly queue = this.#gauge('shoal_queue_depth', 'Requests that wait for a slot');
  readonly workers = this.#gauge('shoal_workers', 'Known workers by state: free, busy, silent', ['state']);
  readonly health = this.#gauge('shoal_node_health', 'Health of this node, 0 to 100');
  readonly ready = this.#gauge('shoal_node_ready', '1 if this node accepts requests, else 0');
  readonly bytes = new Counter({
    name: 'shoal_transport_bytes_total',
    help: 'Bytes exchanged with peers by transport and direction: received, sent',
    labelNames: ['transport', 'direction'],
    registers: this.#registers,
  });
  readonly memory = this.#gauge('process_resident_memory_bytes', 'Resident memory of this process');
  readonly loopLag = this.#gauge(
    'nodejs_eventloop_lag_p99_seconds',
    'Delay of the event loop since the last scrape, 99th percentile',
  );
  readonly resources = this.#gauge('nodejs_active_resources', 'Open sockets, files, timers and other resources');

  #gauge<const Label extends string = never>(
    name: string,
    help: string,
    labelNames: readonly Label[] = [],
  ): Gauge<Label> {
    return new Gauge({ name, help, labelNames, registers: this.#registers });
  }
}

import type { ClientSession } from '@shoal/protocol';
import type { InferenceRequest } from '@shoal/protocol/request';
import { type HealthReport, type QmeshClient, qmeshClientSession, type WorkerReport } from '@shoal/protocol/qmesh';
import { type AnswerStream, type Connection, Link, monotonicNow } from '@shoal/transport';
import type { Dht } from '@shoal/transport/dht';
import { createSwarm, type Swarm } from '@shoal/transport/hyperswarm';
import type { Cancellation } from '../../cancel.ts';

/** The most workers that a client is connected to. */
const MAX_QMESH_WORKERS = 256;

export interface QmeshConnectionsOptions {
  readonly dht: Dht;
  readonly topic: Uint8Array;
  readonly log?: ((line: string) => void) | undefined;
}

/** The connections of a client to the workers of one network. */
export class QmeshConnections {
  readonly #swarm: Swarm;
  readonly #connections = new Map<Connection, QmeshConnection>();
  readonly #listeners = new Set<() => void>();
  #lastFoundAt = monotonicNow();
  #isClosed = false;

  constructor({ dht, topic, log }: QmeshConnectionsOptions) {
    this.#swarm = createSwarm({
      dht,
      maxConnections: MAX_QMESH_WORKERS,
      onConnection: (connection) => this.#connected(connection),
      log,
    });
    this.#swarm.join(topic, { server: false, client: true });
  }

  /** The time of the newest worker's first health report, or of joining, on the monotonic clock. */
  get lastFoundAt(): number {
    return this.#lastFoundAt;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** The workers that have sent their health. */
  known(): readonly QmeshConnection[] {
    return [...this.#connections.values()];
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves at the next change of workers, at time `at` of the monotonic clock, or on cancellation. */
  change(at: number, cancellation: Cancellation): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        stopWorkers();
        stopCancel();
        resolve();
      };
      const timer = setTimeout(done, Math.max(0, at - monotonicNow()));
      const stopWorkers = this.onChange(done);
      const stopCancel = cancellation.onCancel(() => queueMicrotask(done));
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#changed();
    await this.#swarm.close();
  }

  #connected(connection: Connection): void {
    const session = qmeshClientSession({ idPrefix: randomDigits(), timestamp: Date.now });
    const link = new Link(connection, session, {
      peer: () => this.#updated(link),
      // Workers of this dialect send no requests.
      request: () => undefined,
      close: () => {
        this.#connections.delete(connection);
        this.#changed();
      },
    });
    link.start();
  }

  #updated(link: Link<ClientSession<QmeshClient>>): void {
    const { connection, session } = link;
    const report = session.side.worker;
    if (report === undefined) return;
    const known = this.#connections.get(connection);
    if (known === undefined) {
      this.#connections.set(connection, new QmeshConnection(link, report));
      this.#lastFoundAt = monotonicNow();
    } else {
      known.update(report);
    }
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** A connected worker, and this client's open requests to it. */
export class QmeshConnection {
  readonly #link: Link<ClientSession<QmeshClient>>;
  #report: WorkerReport;
  readonly #sentSince = new Set<AnswerStream>();

  constructor(link: Link<ClientSession<QmeshClient>>, report: WorkerReport) {
    this.#link = link;
    this.#report = report;
  }

  get worker(): { readonly id: string; readonly key: string; readonly health: HealthReport } {
    const { key, address } = this.#link.connection.remote;
    return { id: this.#report.workerId, key: key ?? address, health: this.#report.health };
  }

  get health(): HealthReport {
    return this.#report.health;
  }

  /** Unanswered requests that were sent after its last health report, which does not include them. */
  get sentSince(): number {
    return this.#sentSince.size;
  }

  /** Disconnects a silent worker before the transport does, so that it is not selected until it has been dialled again. */
  leave(): void {
    this.#link.close();
  }

  update(report: WorkerReport): void {
    this.#report = report;
    this.#sentSince.clear();
  }

  ask(request: InferenceRequest): AnswerStream {
    const answer = this.#link.ask(request);
    this.#sentSince.add(answer);
    return answer;
  }

  ended(answer: AnswerStream): void {
    this.#sentSince.delete(answer);
  }
}

/** 8 hex digits. */
function randomDigits(): string {
  return Math.floor(Math.random() * 0x1_0000_0000)
    .toString(16)
    .padStart(8, '0');
}

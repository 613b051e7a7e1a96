import type { ClientSession, InferenceRequest } from '@shoal/protocol';
import { type QmeshClient, qmeshClientSession, type WorkerReport } from '@shoal/protocol/qmesh';
import { type AnswerStream, type Connection, Link, monotonicNow } from '@shoal/transport';
import type { Dht } from '@shoal/transport/dht';
import { createSwarm, type Swarm } from '@shoal/transport/hyperswarm';
import type { Cancellation } from '../../cancel.ts';
import type { QmeshWorker } from './qmesh.ts';

/** Workers that a client is connected to; the DHT may know more. */
const MAX_QMESH_WORKERS = 256;

export interface QmeshContactsOptions {
  readonly dht: Dht;
  readonly topic: Uint8Array;
  readonly log?: ((line: string) => void) | undefined;
}

/** The workers of one network that this client is connected to. */
export class QmeshContacts {
  readonly #swarm: Swarm;
  readonly #contacts = new Map<Connection, QmeshContact>();
  readonly #listeners = new Set<() => void>();
  #lastMetAt = monotonicNow();
  #isClosed = false;

  constructor({ dht, topic, log }: QmeshContactsOptions) {
    this.#swarm = createSwarm({
      dht,
      maxConnections: MAX_QMESH_WORKERS,
      onConnection: (connection) => this.#connected(connection),
      log,
    });
    this.#swarm.join(topic, { server: false, client: true });
  }

  /** When the newest worker told its health for the first time, or this client joined; on the monotonic clock. */
  get lastMetAt(): number {
    return this.#lastMetAt;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Those that have told their health. */
  known(): readonly QmeshContact[] {
    return [...this.#contacts.values()];
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves at the next change of workers, at a time of the monotonic clock, or on cancellation. */
  change(at: number, cancellation: Cancellation): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        stopWatching();
        stopListening();
        resolve();
      };
      const timer = setTimeout(done, Math.max(0, at - monotonicNow()));
      const stopWatching = this.onChange(done);
      const stopListening = cancellation.onCancel(() => queueMicrotask(done));
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
      peer: () => this.#heard(link),
      // A client of this dialect is asked for nothing.
      request: () => undefined,
      close: () => {
        this.#contacts.delete(connection);
        this.#changed();
      },
    });
    link.start();
  }

  #heard(link: Link<ClientSession<QmeshClient>>): void {
    const { connection, session } = link;
    const report = session.side.worker;
    if (report === undefined) return;
    const known = this.#contacts.get(connection);
    if (known === undefined) {
      this.#contacts.set(connection, new QmeshContact(link, report));
      this.#lastMetAt = monotonicNow();
    } else {
      known.told(report);
    }
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** A worker, and what this client has asked of it. */
export class QmeshContact {
  readonly #link: Link<ClientSession<QmeshClient>>;
  #report: WorkerReport;
  readonly #askedSince = new Set<AnswerStream>();

  constructor(link: Link<ClientSession<QmeshClient>>, report: WorkerReport) {
    this.#link = link;
    this.#report = report;
  }

  get worker(): QmeshWorker {
    const { key, address } = this.#link.connection.remote;
    return { id: this.#report.workerId, key: key ?? address, health: this.#report.health };
  }

  get health(): QmeshWorker['health'] {
    return this.#report.health;
  }

  /** Requests that it got after it told its health, and has not answered: that health does not know of them. */
  get askedSince(): number {
    return this.#askedSince.size;
  }

  /** Its silence was noticed before the transport did: nobody is to choose it until it has been dialled again. */
  leave(): void {
    this.#link.close();
  }

  told(report: WorkerReport): void {
    this.#report = report;
    this.#askedSince.clear();
  }

  ask(request: InferenceRequest): AnswerStream {
    const answer = this.#link.ask(request);
    this.#askedSince.add(answer);
    return answer;
  }

  ended(answer: AnswerStream): void {
    this.#askedSince.delete(answer);
  }
}

/** 8 hex digits. */
function randomDigits(): string {
  return Math.floor(Math.random() * 0x1_0000_0000)
    .toString(16)
    .padStart(8, '0');
}

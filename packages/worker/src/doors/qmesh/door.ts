import { type ServerSession, ShoalError } from '@shoal/protocol';
import {
  type HealthReport,
  QMESH_NETWORK,
  type QmeshServer,
  qmeshServerSession,
  qmeshTopic,
} from '@shoal/protocol/qmesh';
import { type Connection, type Exchange, Link, monotonicNow } from '@shoal/transport';
import type { Dht } from '@shoal/transport/dht';
import { createSwarm, type Membership, type Swarm } from '@shoal/transport/hyperswarm';
import type { DoorStatus, OpenDoor } from '../../door.ts';
import type { Worker, WorkerQueue } from '../../worker.ts';
import { HealthGauge, type MachineUse } from './health.ts';

/** How often the health is calculated anew, and told to every client. */
export const HEALTH_INTERVAL_MS = 5_000;
/** Clients that are connected at once. */
export const MAX_QMESH_CLIENTS = 256;
/** Requests that wait and run at most, where nobody says otherwise. */
export const DEFAULT_CAPACITY = 10;

export interface QmeshDoorOptions {
  readonly dht: Dht;
  readonly worker: Worker;
  /** 64 hex digits, the same at each start. */
  readonly workerId: string;
  /** Requests that wait and run at most. */
  readonly capacity?: number | undefined;
  /** Tokens that one answer has at most, whatever was asked for. */
  readonly maxTokens: number;
  /** The network's name; absent: the one that QMesh's programs meet in. */
  readonly network?: string | undefined;
  /** How busy the machine is; absent: as the system tells. */
  readonly use?: MachineUse | undefined;
  /** Calls again and again until what it answers with is called; absent: a timer. */
  readonly every?: ((milliseconds: number, task: () => void) => () => void) | undefined;
  /** What the swarm does, a line each. */
  readonly log?: ((line: string) => void) | undefined;
}

export interface QmeshDoor extends OpenDoor {
  readonly workerId: string;
  health(): HealthReport;
  /** Resolves once clients can find it, or the DHT has failed: never await it at start. */
  announced(): Promise<void>;
}

/** Opens once the health is known; clients find the worker from then on. */
export async function openQmeshDoor(options: QmeshDoorOptions): Promise<QmeshDoor> {
  const { worker, capacity = DEFAULT_CAPACITY, maxTokens, use } = options;
  const queue: WorkerQueue = worker.openQueue({ running: Infinity, waiting: capacity, maxTokens, refuse });
  const queueState = () => ({ size: queue.load.active + queue.load.queued, capacity });
  const gauge = await HealthGauge.open(queueState, use);

  /** Both are the same to a client: it asks another worker. */
  function refuse(): void {
    if (!gauge.acceptsRequests) throw new ShoalError('OVERLOADED', 'This worker is overloaded, or its queue is full.');
  }

  return new HyperswarmDoor(options, queue, gauge);
}

class HyperswarmDoor implements QmeshDoor {
  readonly name = 'qmesh';
  readonly address: string;
  readonly workerId: string;
  readonly #queue: WorkerQueue;
  readonly #gauge: HealthGauge;
  readonly #links = new Set<Link<ServerSession<QmeshServer>>>();
  readonly #swarm: Swarm;
  readonly #membership: Membership;
  readonly #stopTimer: () => void;
  /** What clients were told last of what they choose by. */
  #told: string;

  constructor(options: QmeshDoorOptions, queue: WorkerQueue, gauge: HealthGauge) {
    const { dht, workerId, network = QMESH_NETWORK, every = everyInterval, log } = options;
    this.address = network;
    this.workerId = workerId;
    this.#queue = queue;
    this.#gauge = gauge;
    this.#told = choiceOf(gauge.report);
    this.#swarm = createSwarm({
      dht,
      maxConnections: MAX_QMESH_CLIENTS,
      onConnection: (connection) => this.#connected(connection),
      log,
    });
    this.#membership = this.#swarm.join(qmeshTopic(network), { server: true, client: false });
    this.#stopTimer = every(HEALTH_INTERVAL_MS, () => {
      this.#gauge.sample();
      this.#broadcast();
    });
  }

  status(): DoorStatus {
    return { ...this.#queue.load, ...this.#queue.outcomes, connections: this.#links.size };
  }

  health(): HealthReport {
    return this.#gauge.report;
  }

  announced(): Promise<void> {
    return this.#membership.announced();
  }

  async close(): Promise<void> {
    this.#stopTimer();
    for (const link of this.#links) link.close();
    await this.#swarm.close();
  }

  #connected(connection: Connection): void {
    const session = qmeshServerSession({
      workerId: this.workerId,
      health: () => this.#gauge.report,
      timestamp: Date.now,
    });
    const link = new Link(connection, session, {
      peer: () => undefined,
      request: (exchange) => this.#asked(link, exchange),
      close: () => this.#links.delete(link),
    });
    this.#links.add(link);
    link.start();
  }

  #asked({ session }: Link<ServerSession<QmeshServer>>, exchange: Exchange): void {
    this.#queue.answer(exchange, {
      onStart: () => session.side.started(exchange.id, monotonicNow()),
      onEnd: () => this.#queueChanged(),
    });
    this.#queueChanged();
  }

  /** Between two samples only the queue moves the state: who chooses by it is told at once. */
  #queueChanged(): void {
    if (this.#told !== choiceOf(this.#gauge.report)) this.#broadcast();
  }

  #broadcast(): void {
    this.#told = choiceOf(this.#gauge.report);
    for (const link of this.#links) link.apply(link.session.side.broadcast());
  }
}

function choiceOf({ state, canAcceptRequests }: HealthReport): string {
  return `${state} ${canAcceptRequests}`;
}

function everyInterval(milliseconds: number, task: () => void): () => void {
  const timer = setInterval(task, milliseconds);
  return () => clearInterval(timer);
}

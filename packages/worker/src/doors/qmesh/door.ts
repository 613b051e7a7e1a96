import type { ServerSession } from '@shoal/protocol';
import { ShoalError } from '@shoal/protocol/error';
import {
  type HealthReport,
  QMESH_NETWORK,
  type QmeshServer,
  qmeshServerSession,
  qmeshTopic,
} from '@shoal/protocol/qmesh';
import {
  type BudgetOption,
  type Connection,
  type DoorBudget,
  type Exchange,
  Link,
  monotonicNow,
  type Seat,
} from '@shoal/transport';
import type { Dht } from '@shoal/transport/dht';
import { createSwarm, type Membership, type Swarm } from '@shoal/transport/hyperswarm';
import type { DoorStatus, OpenDoor } from '../../door.ts';
import type { Worker, WorkerQueue } from '../../worker.ts';
import { HealthGauge, type MachineUse } from './health.ts';

/** The health is computed and sent to every client at this interval. */
export const HEALTH_INTERVAL_MS = 5_000;
/** The most clients that are connected at once. More are refused, or replace idle ones. */
export const MAX_QMESH_CLIENTS = 256;
/** The default limit of waiting and running requests. */
export const DEFAULT_CAPACITY = 10;

export interface QmeshDoorOptions extends BudgetOption {
  readonly dht: Dht;
  readonly worker: Worker;
  /** 64 hex digits, the same after each start. */
  readonly workerId: string;
  /** The most requests that wait and run. */
  readonly capacity?: number | undefined;
  /** The most tokens of one answer. */
  readonly maxTokens: number;
  /** Default: `MAX_QMESH_CLIENTS`. */
  readonly maxClients?: number | undefined;
  /** The network's name. Default: the network of QMesh's own programs. */
  readonly network?: string | undefined;
  /** The source of processor and memory use. Default: the system. */
  readonly use?: MachineUse | undefined;
  /** Calls the task at an interval until the returned function is called. Default: a timer. */
  readonly every?: ((milliseconds: number, task: () => void) => () => void) | undefined;
  /** Receives a line for each event of the swarm. */
  readonly log?: ((line: string) => void) | undefined;
}

export interface QmeshDoor extends OpenDoor {
  readonly workerId: string;
  health(): HealthReport;
  /** Resolves when clients can find it, or the DHT has failed. Do not await it at start. */
  announced(): Promise<void>;
}

/** Opens the door after the first measurement of health. Clients can find the worker from then on. */
export async function openQmeshDoor(options: QmeshDoorOptions): Promise<QmeshDoor> {
  const { worker, capacity = DEFAULT_CAPACITY, maxTokens, use } = options;
  const queue: WorkerQueue = worker.openQueue({
    door: 'qmesh',
    running: Infinity,
    waiting: capacity,
    maxTokens,
    refuse,
  });
  const queueState = () => ({ size: queue.load.active + queue.load.queued, capacity });
  const gauge = await HealthGauge.open(queueState, { use, canAnswer: () => worker.canAnswer });

  /** The two causes have one error, because a client asks another worker in either case. */
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
  readonly #budget: DoorBudget | undefined;
  readonly #links = new Set<Link<ServerSession<QmeshServer>>>();
  readonly #swarm: Swarm;
  readonly #membership: Membership;
  readonly #stopTimer: () => void;
  /** The part of the last report by which clients select workers. */
  #lastChoice: string;

  constructor(options: QmeshDoorOptions, queue: WorkerQueue, gauge: HealthGauge) {
    const { dht, workerId, network = QMESH_NETWORK, every = everyInterval, log } = options;
    const { maxClients = MAX_QMESH_CLIENTS } = options;
    this.address = network;
    this.workerId = workerId;
    this.#queue = queue;
    this.#gauge = gauge;
    this.#budget = options.budget;
    this.#lastChoice = choiceOf(gauge.report);
    this.#swarm = createSwarm({
      dht,
      maxConnections: maxClients,
      onConnection: (connection, seat) => this.#connected(connection, seat),
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

  #connected(connection: Connection, seat: Seat): void {
    const session = qmeshServerSession({
      workerId: this.workerId,
      health: () => this.#gauge.report,
      timestamp: Date.now,
    });
    const link = new Link(
      connection,
      session,
      {
        peer: () => undefined,
        request: (exchange) => {
          seat.keep();
          this.#requested(link, exchange);
        },
        close: () => this.#links.delete(link),
      },
      this.#budget,
    );
    this.#links.add(link);
    link.start();
  }

  #requested({ session }: Link<ServerSession<QmeshServer>>, exchange: Exchange): void {
    this.#queue.answer(exchange, {
      onStart: () => session.side.started(exchange.id, monotonicNow()),
      onEnd: () => this.#queueChanged(),
    });
    this.#queueChanged();
  }

  /** Between two samples only the queue changes the state. A change is sent at once, because clients select by it. */
  #queueChanged(): void {
    if (this.#lastChoice !== choiceOf(this.#gauge.report)) this.#broadcast();
  }

  #broadcast(): void {
    this.#lastChoice = choiceOf(this.#gauge.report);
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

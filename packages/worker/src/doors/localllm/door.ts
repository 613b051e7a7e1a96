import type { ServerSession } from '@shoal/protocol';
import { ShoalError } from '@shoal/protocol/error';
import {
  encodeServerId,
  type LocalLlmServer,
  localLlmServerSession,
  MAX_CLIENTS,
  type ServerInfo,
} from '@shoal/protocol/localllm';
import {
  type BudgetOption,
  type Connection,
  type Exchange,
  Link,
  monotonicNow,
  type OwnedSeat,
  type Seat,
  Seats,
} from '@shoal/transport';
import type { Dht } from '@shoal/transport/dht';
import { createSwarm, type Membership, type Swarm } from '@shoal/transport/hyperswarm';
import type { QueueLoad } from '../../admission.ts';
import type { DoorStatus, OpenDoor } from '../../door.ts';
import type { Worker, WorkerQueue } from '../../worker.ts';

/** The most connections of one host: its clients, and connections that are being refused. */
export const MAX_HOST_CONNECTIONS = 32;

export interface LocalLlmDoorOptions extends BudgetOption {
  readonly dht: Dht;
  readonly worker: Worker;
  /** The host's name, shown to clients. */
  readonly name: string;
  /** 32 random bytes, encoded in the Server ID. */
  readonly topic: Uint8Array;
  /** The most tokens of one answer. A request cannot ask for a number in this protocol. */
  readonly maxTokens: number;
  /** Called when the number of clients has changed or the door has closed. For load use the worker's `onChange`. */
  readonly onChange?: (() => void) | undefined;
  /** Receives a line for each event at the door, without the text of prompts and answers. */
  readonly log?: ((line: string) => void) | undefined;
}

export type LocalLlmState = 'stopped' | 'ready' | 'busy';

export interface LocalLlmDoor extends OpenDoor {
  readonly name: 'localllm';
  /** The text that a client types or scans. It is the door's address. */
  readonly serverId: string;
  readonly model: string;
  /** Busy while a request of any door runs on the worker's engine, and while its process is started again. */
  readonly state: LocalLlmState;
  readonly clients: number;
  /** Resolves when clients can find it, or the DHT has failed. Do not await it at start. */
  announced(): Promise<void>;
}

/** Opens the door at once and announces it in the DHT. Throws `INVALID_SERVER_ID` for an invalid topic. */
export function openLocalLlmDoor(options: LocalLlmDoorOptions): LocalLlmDoor {
  return new HyperswarmDoor(options);
}

class HyperswarmDoor implements LocalLlmDoor {
  readonly name = 'localllm';
  readonly serverId: string;
  readonly model: string;
  readonly #options: LocalLlmDoorOptions;
  readonly #queue: WorkerQueue;
  readonly #clients = new Map<Link<ServerSession<LocalLlmServer>>, OwnedSeat>();
  /** A client that is idle keeps its place, except one of a household that has more than its share. */
  readonly #places = new Seats({ total: MAX_CLIENTS, perGroup: MAX_CLIENTS, overShareOnly: true });
  readonly #swarm: Swarm;
  readonly #membership: Membership;
  /** The request that started last. After its end the engine may still be busy for the time of one token. */
  #latest: Exchange | undefined;
  #isClosed = false;

  constructor(options: LocalLlmDoorOptions) {
    const { worker, dht, topic, maxTokens, log } = options;
    this.#options = options;
    this.serverId = encodeServerId(topic);
    this.model = worker.models[0]?.id ?? '';
    this.#queue = worker.openQueue({
      door: 'localllm',
      running: 1,
      waiting: 1,
      maxTokens,
      refuse: (own, all) => this.#refuseWhileBusy(own, all),
    });
    // This swarm has its own keys, because a connection does not show for which topic it was made.
    this.#swarm = createSwarm({
      dht,
      maxConnections: MAX_HOST_CONNECTIONS,
      onConnection: (connection, seat) => this.#connected(connection, seat),
      log,
    });
    this.#membership = this.#swarm.join(topic, { server: true, client: false });
  }

  get address(): string {
    return this.serverId;
  }

  get state(): LocalLlmState {
    if (this.#isClosed) return 'stopped';
    const { worker } = this.#options;
    const { active, queued } = worker.scheduler.load;
    return active + queued > 0 || !worker.canAnswer ? 'busy' : 'ready';
  }

  get clients(): number {
    return this.#clients.size;
  }

  status(): DoorStatus {
    return { ...this.#queue.load, ...this.#queue.outcomes, connections: this.#clients.size };
  }

  announced(): Promise<void> {
    return this.#membership.announced();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const client of this.#clients.keys()) client.close();
    await this.#swarm.close();
    this.#options.onChange?.();
  }

  /**
   * Refuses a request while another runs: a host runs one generation and has no queue. After an abort the next request may
   * come at once. It waits until the engine has stopped, which takes the time of one token.
   */
  #refuseWhileBusy(own: QueueLoad, all: QueueLoad): void {
    const isEnding = own.active === 1 && this.#latest?.ended === true;
    if (all.active + all.queued > (isEnding ? 1 : 0)) {
      throw new ShoalError('MODEL_BUSY', 'Host is processing another request');
    }
  }

  #connected(connection: Connection, seat: Seat): void {
    const name = connection.remote.key?.slice(0, 8) ?? connection.remote.address;
    const session = localLlmServerSession({
      greet: () => this.#greet(link, seat),
      onClientError: ({ code, message }) => this.#log(`client ${name} says ${code}: ${message}`),
    });
    const link = new Link(
      connection,
      session,
      {
        peer: () => undefined,
        request: (exchange) => {
          seat.keep();
          this.#clients.get(link)?.keep();
          this.#requested(exchange, name);
        },
        close: () => {
          const place = this.#clients.get(link);
          if (place === undefined) return;
          place.leave();
          this.#clients.delete(link);
          this.#log(`client ${name} left`);
          this.#options.onChange?.();
        },
      },
      this.#options.budget,
    );
    link.start();
    if (!this.#clients.has(link)) return this.#log(`client ${name} turned away: ${MAX_CLIENTS} are connected`);
    this.#log(`client ${name} connected`);
    this.#options.onChange?.();
  }

  #greet(link: Link<ServerSession<LocalLlmServer>>, { visitor }: Seat): ServerInfo {
    const place = this.#places.take(visitor);
    if (place === undefined) throw new ShoalError('CONNECT_FAILED', 'Max clients reached');
    place.onEvict(() => link.close());
    this.#clients.set(link, place);
    return { hostName: this.#options.name, model: this.model, status: this.state === 'busy' ? 'busy' : 'ready' };
  }

  #requested(exchange: Exchange, name: string): void {
    const receivedAt = monotonicNow();
    this.#queue.answer(exchange, {
      onStart: () => {
        this.#latest = exchange;
      },
      onEnd: ({ outcome, error }) => {
        const how = error === undefined ? outcome : `${outcome}, ${error.code} (${error.message})`;
        this.#log(`client ${name}, request ${exchange.id}: ${how} after ${Math.round(monotonicNow() - receivedAt)} ms`);
      },
    });
  }

  #log(line: string): void {
    this.#options.log?.(line);
  }
}

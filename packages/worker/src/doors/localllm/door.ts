import { type ServerSession, ShoalError } from '@shoal/protocol';
import {
  encodeServerId,
  type LocalLlmServer,
  localLlmServerSession,
  MAX_CLIENTS,
  type ServerInfo,
} from '@shoal/protocol/localllm';
import { type Connection, type Exchange, Link, monotonicNow } from '@shoal/transport';
import type { Dht } from '@shoal/transport/dht';
import { createSwarm, type Membership, type Swarm } from '@shoal/transport/hyperswarm';
import type { Load } from '../../admission.ts';
import type { DoorStatus, OpenDoor } from '../../door.ts';
import type { Worker, WorkerQueue } from '../../worker.ts';

/** Connections of one host: its clients, and those who are being told that there is no room for them. */
export const MAX_CONNECTIONS = 32;

export interface LocalLlmDoorOptions {
  readonly dht: Dht;
  readonly worker: Worker;
  /** What clients call this host. */
  readonly name: string;
  /** 32 random bytes, which the Server ID stands for. */
  readonly topic: Uint8Array;
  /** Tokens that one answer has at most; the protocol itself asks for no number. */
  readonly maxTokens: number;
  /** The number of clients has changed, or the door has closed. What the worker does, the worker's own `onChange` tells. */
  readonly onChange?: (() => void) | undefined;
  /** What happens at the door, a line each, without a word of prompts and answers. */
  readonly log?: ((line: string) => void) | undefined;
}

export type LocalLlmState = 'stopped' | 'ready' | 'busy';

export interface LocalLlmDoor extends OpenDoor {
  readonly name: 'localllm';
  /** What a client types or scans; it is the address, too. */
  readonly serverId: string;
  readonly model: string;
  /** Busy while anything runs on the worker's engine, whatever door it came through. */
  readonly state: LocalLlmState;
  readonly clients: number;
  /** Resolves once clients can find it, or the DHT has failed: never await it at start. */
  announced(): Promise<void>;
}

/** Opens at once; clients find the host as soon as the DHT has heard of it. Throws `INVALID_SERVER_ID` for a bad topic. */
export function openLocalLlmDoor(options: LocalLlmDoorOptions): LocalLlmDoor {
  return new HyperswarmDoor(options);
}

class HyperswarmDoor implements LocalLlmDoor {
  readonly name = 'localllm';
  readonly serverId: string;
  readonly model: string;
  readonly #options: LocalLlmDoorOptions;
  readonly #queue: WorkerQueue;
  readonly #clients = new Set<Link<ServerSession<LocalLlmServer>>>();
  readonly #swarm: Swarm;
  readonly #membership: Membership;
  /** What began last: it runs, or has ended, though the engine may still be busy with it for a token's time. */
  #latest: Exchange | undefined;
  #isClosed = false;

  constructor(options: LocalLlmDoorOptions) {
    const { worker, dht, topic, maxTokens, log } = options;
    this.#options = options;
    this.serverId = encodeServerId(topic);
    this.model = worker.models[0]?.id ?? '';
    this.#queue = worker.openQueue({
      running: 1,
      waiting: 1,
      maxTokens,
      refuse: (own, all) => this.#refuseWhileBusy(own, all),
    });
    // Keys of its own, because a connection does not tell for which topic it was made.
    this.#swarm = createSwarm({
      dht,
      maxConnections: MAX_CONNECTIONS,
      onConnection: (connection) => this.#connected(connection),
      log,
    });
    this.#membership = this.#swarm.join(topic, { server: true, client: false });
  }

  get address(): string {
    return this.serverId;
  }

  get state(): LocalLlmState {
    if (this.#isClosed) return 'stopped';
    const { active, queued } = this.#options.worker.scheduler.load;
    return active + queued > 0 ? 'busy' : 'ready';
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
    for (const client of this.#clients) client.close();
    await this.#swarm.close();
    this.#options.onChange?.();
  }

  /**
   * One generation in the whole host, and no queue. But whoever takes an answer back may ask again at once: the engine
   * notices within a token, and so long the next one waits.
   */
  #refuseWhileBusy(own: Load, all: Load): void {
    const isEnding = own.active === 1 && this.#latest?.ended === true;
    if (all.active + all.queued > (isEnding ? 1 : 0)) {
      throw new ShoalError('MODEL_BUSY', 'Host is processing another request');
    }
  }

  #connected(connection: Connection): void {
    const name = connection.remote.key?.slice(0, 8) ?? connection.remote.address;
    const session = localLlmServerSession({
      greet: () => this.#greet(link),
      onClientError: ({ code, message }) => this.#log(`client ${name} says ${code}: ${message}`),
    });
    const link = new Link(connection, session, {
      peer: () => undefined,
      request: (exchange) => this.#asked(exchange, name),
      close: () => {
        if (!this.#clients.delete(link)) return;
        this.#log(`client ${name} left`);
        this.#options.onChange?.();
      },
    });
    link.start();
    if (!this.#clients.has(link)) return this.#log(`client ${name} turned away: ${MAX_CLIENTS} are connected`);
    this.#log(`client ${name} connected`);
    this.#options.onChange?.();
  }

  #greet(link: Link<ServerSession<LocalLlmServer>>): ServerInfo {
    if (this.#clients.size >= MAX_CLIENTS) throw new ShoalError('CONNECT_FAILED', 'Max clients reached');
    this.#clients.add(link);
    return { hostName: this.#options.name, model: this.model, status: this.state === 'busy' ? 'busy' : 'ready' };
  }

  #asked(exchange: Exchange, name: string): void {
    const cameAt = monotonicNow();
    this.#queue.answer(exchange, {
      onStart: () => {
        this.#latest = exchange;
      },
      onEnd: ({ outcome, error }) => {
        const how = error === undefined ? outcome : `${outcome}, ${error.code} (${error.message})`;
        this.#log(`client ${name}, request ${exchange.id}: ${how} after ${Math.round(monotonicNow() - cameAt)} ms`);
      },
    });
  }

  #log(line: string): void {
    this.#options.log?.(line);
  }
}

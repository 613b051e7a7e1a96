import { join } from 'node:path';
import type { PeerStatus, ShoalError } from '@shoal/protocol';
import { DEFAULT_PORT as DONATE_PORT } from '@shoal/protocol/donate';
import { type HelloMessage, TCP_PORT, WEBSOCKET_PORT } from '@shoal/protocol/shoal';
import { isLoopback } from '@shoal/transport';
import type { Dht } from '@shoal/transport/dht';
import { listenTcp } from '@shoal/transport/tcp';
import type { OpenDoor, Worker } from '@shoal/worker';
import type { Configuration } from '../settings/configuration.ts';
import { DONATE_WARNING } from './donate-warning.ts';
import { DOOR_NAMES, type DoorName, type DoorSettings } from '../settings/door-settings.ts';
import { homeFiles, type Home } from '../home/home.ts';
import type { Logger } from '../log.ts';
import { withoutUndefined } from '../settings/without-undefined.ts';

/** What a door needs of the node behind it. */
export interface DoorHost {
  readonly dht: Dht;
  readonly worker: Worker;
  /** What the node says of itself, now. */
  readonly hello: () => HelloMessage;
  readonly status: () => PeerStatus;
}

/** A door of the node. */
export interface NodeDoor extends OpenDoor {
  /** The node's load has changed: says so to those who want to know. */
  loadChanged?(): void;
}

/** Opens a configuration's doors, over one worker. */
export class DoorKeeper {
  readonly #configuration: Configuration;
  readonly #home: Home;
  readonly #log: Logger;

  constructor(configuration: Configuration, home: Home, log: Logger) {
    this.#configuration = configuration;
    this.#home = home;
    this.#log = log;
  }

  /** Takes each door's port for a moment: who finds one taken should learn it before a model has been loaded. */
  async checkPorts(): Promise<void> {
    for (const address of doorPorts(this.#configuration)) {
      const listener = await listenTcp({
        ...address,
        maxConnections: 1,
        onConnection: (connection) => connection.close(),
      });
      await listener.close();
    }
  }

  /** All of them, or none: where one cannot be opened those before it are closed again. */
  async open(host: DoorHost): Promise<readonly NodeDoor[]> {
    await using opened = new AsyncDisposableStack();
    const doors: NodeDoor[] = [];
    for (const name of DOOR_NAMES) {
      if (this.#configuration.doors[name] === undefined) continue;
      const door = opened.adopt(await this.#openOne(name, host), (one) => one.close());
      this.#log.info({ door: name, address: door.address }, `Door ${name} on ${door.address}`);
      doors.push(door);
    }
    opened.move();
    return doors;
  }

  /** Each door's code is read only where the door is opened. */
  #openOne(name: DoorName, host: DoorHost): Promise<NodeDoor> {
    const { doors } = this.#configuration;
    switch (name) {
      case 'donate':
        return this.#openDonate(doors.donate ?? {}, host);
      case 'qmesh':
        return this.#openQmesh(doors.qmesh ?? {}, host);
      case 'localllm':
        return this.#openLocalLlm(doors.localllm ?? {}, host);
      case 'websocket':
      case 'tcp':
        return this.#openPeers(name, host);
      default:
        return name satisfies never;
    }
  }

  async #openDonate(settings: NonNullable<DoorSettings['donate']>, { worker }: DoorHost): Promise<NodeDoor> {
    const { openDonateDoor } = await import('@shoal/worker/donate');
    const { mode = 'local_lm', ...said } = withoutUndefined(settings);
    const { maxTokens } = this.#configuration;
    const options = { host: '127.0.0.1', port: DONATE_PORT, maxTokens, ...said };
    if (!isLoopback(options.host)) this.#log.warn(DONATE_WARNING);
    if (mode === 'local_lm') return openDonateDoor({ ...options, backend: { mode, worker } });
    const { createMount } = await import('./donate-mount.ts');
    const { scheduler } = worker;
    const mount = createMount(this.#configuration, this.#log);
    const onError = ({ code, message, cause }: ShoalError): void => this.#log.warn({ code, cause }, message);
    // The system's own folder for what passes may lie in memory, which is no place for a model.
    const folder = join(homeFiles(this.#home).cache, 'donate');
    return openDonateDoor({ ...options, backend: { mode, scheduler, mount, folder, onError } });
  }

  async #openQmesh({ capacity }: NonNullable<DoorSettings['qmesh']>, { dht, worker }: DoorHost): Promise<NodeDoor> {
    const { openQmeshDoor } = await import('@shoal/worker/qmesh');
    const { takeWorkerId } = await import('../home/worker-id.ts');
    const { id: workerId, release } = await takeWorkerId(this.#home.data);
    try {
      const { maxTokens } = this.#configuration;
      const door = await openQmeshDoor({
        dht,
        worker,
        workerId,
        maxTokens,
        capacity,
      });
      return closing(door, release);
    } catch (error) {
      release();
      throw error;
    }
  }

  async #openLocalLlm(settings: NonNullable<DoorSettings['localllm']>, host: DoorHost): Promise<NodeDoor> {
    const { openLocalLlmDoor } = await import('@shoal/worker/localllm');
    const { freshTopic, keptTopic } = await import('../home/server-id.ts');
    const { maxTokens, name } = this.#configuration;
    return openLocalLlmDoor({
      dht: host.dht,
      worker: host.worker,
      name: settings.name ?? name,
      topic: settings.keep === true ? await keptTopic(this.#home) : freshTopic(),
      maxTokens,
    });
  }

  async #openPeers(transport: 'websocket' | 'tcp', { worker, hello, status }: DoorHost): Promise<NodeDoor> {
    const { openPeerDoor } = await import('@shoal/network/door');
    const { doors, doorToken, maxTokens, queue } = this.#configuration;
    const settings = withoutUndefined(doors[transport] ?? {});
    const workerQueue = worker.openQueue({ running: Infinity, waiting: queue, maxTokens });
    const door = await openPeerDoor({
      transport,
      host: '127.0.0.1',
      ...settings,
      ...(doorToken !== undefined && { token: doorToken }),
      hello,
      status,
      answer: (exchange) => workerQueue.answer(exchange),
    });
    return {
      name: transport,
      address: door.address,
      status: () => ({ ...workerQueue.load, ...workerQueue.outcomes, connections: door.status().connections }),
      loadChanged: () => door.announceStatus(),
      close: () => door.close(),
    };
  }
}

/** Where the doors of a configuration will listen, as far as the ports are not for the system to pick. */
export function doorPorts({ doors }: Configuration): readonly { readonly host: string; readonly port: number }[] {
  const listening = [
    { settings: doors.donate, usual: DONATE_PORT },
    { settings: doors.websocket, usual: WEBSOCKET_PORT },
    { settings: doors.tcp, usual: TCP_PORT },
  ];
  return listening.flatMap(({ settings, usual }) => {
    if (settings === undefined || settings.port === 0) return [];
    return [{ host: settings.host ?? '127.0.0.1', port: settings.port ?? usual }];
  });
}

/** The same door, which does one thing more when it closes. */
function closing(door: OpenDoor, after: () => void): NodeDoor {
  return {
    name: door.name,
    address: door.address,
    status: () => door.status(),
    async close() {
      await door.close();
      after();
    },
  };
}

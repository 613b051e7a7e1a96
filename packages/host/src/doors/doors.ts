import { join } from 'node:path';
import type { ShoalError } from '@shoal/protocol/error';
import type { HelloMessage } from '@shoal/protocol/shoal';
import { type Budget, isLoopback } from '@shoal/transport';
import type { Dht } from '@shoal/transport/dht';
import { listenTcp } from '@shoal/transport/tcp';
import type { OpenDoor, Worker } from '@shoal/worker';
import { countedLog } from '../counted-log.ts';
import { homeFiles, type Home } from '../home/home.ts';
import type { Logger } from '../log.ts';
import type { Configuration } from '../settings/configuration.ts';
import { type DoorConfiguration, doorSettings } from '../settings/door-settings.ts';
import { DOOR_NAMES, type DoorName } from '../settings/door-table.ts';
import { DONATE_WARNING } from './donate-warning.ts';

/** The parts of a node that its doors use. */
export interface DoorHost {
  readonly dht: Dht;
  readonly worker: Worker;
  /** Returns the node's current hello. */
  readonly hello: () => HelloMessage;
  /** Each door gets a part of it. */
  readonly budget: Budget;
}

export interface DoorOptions {
  readonly configuration: Configuration;
  readonly home: Home;
  readonly log: Logger;
}

interface DoorContext extends DoorHost, DoorOptions {}

interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Opens a door. Loads its code. */
type OpenFunction<Name extends DoorName> = (
  settings: DoorConfiguration<Name>,
  context: DoorContext,
) => Promise<OpenDoor>;

/** Every door by its name in the configuration. A new door needs a line here and a table in `door-table.ts`. */
const DOORS: { readonly [Name in DoorName]: OpenFunction<Name> } = {
  donate: openDonate,
  qmesh: openQmesh,
  localllm: openLocalLlm,
  websocket: shoalDoor('websocket'),
  tcp: shoalDoor('tcp'),
};

/** Opens all doors of a configuration over one worker. If one cannot be opened, closes the ones before it and throws. */
export async function openDoors(options: DoorOptions, host: DoorHost): Promise<readonly OpenDoor[]> {
  await using opened = new AsyncDisposableStack();
  const doors: OpenDoor[] = [];
  for (const name of DOOR_NAMES) {
    const opening = openDoor(name, { ...options, ...host });
    if (opening === undefined) continue;
    const door = opened.adopt(await opening, (one) => one.close());
    options.log.info({ door: name, address: door.address }, `Door ${name} on ${door.address}`);
    doors.push(door);
  }
  opened.move();
  return doors;
}

/** Listens on each door's port for a moment, so that a taken port is reported before a model is loaded. */
export async function checkDoorPorts(configuration: Configuration): Promise<void> {
  for (const address of doorPorts(configuration)) {
    const listener = await listenTcp({
      ...address,
      maxConnections: 1,
      onConnection: (connection) => connection.close(),
    });
    await listener.close();
  }
}

/** The addresses on which the doors of a configuration will listen, without those whose port the system picks. */
export function doorPorts(configuration: Configuration): readonly ListenAddress[] {
  return DOOR_NAMES.flatMap((name) => addressOf(name, configuration) ?? []).filter(({ port }) => port !== 0);
}

function openDoor<Name extends DoorName>(name: Name, context: DoorContext): Promise<OpenDoor> | undefined {
  const { configuration } = context;
  if (configuration.doors[name] === undefined) return undefined;
  return DOORS[name](doorSettings(name, configuration), context);
}

/** The address of a door that listens on one. */
function addressOf(name: DoorName, configuration: Configuration): ListenAddress | undefined {
  if (configuration.doors[name] === undefined) return undefined;
  const settings = doorSettings(name, configuration);
  return 'port' in settings ? settings : undefined;
}

async function openDonate(settings: DoorConfiguration<'donate'>, context: DoorContext): Promise<OpenDoor> {
  const { openDonateDoor } = await import('@shoal/worker/donate');
  const { configuration, home, log, worker } = context;
  const { mode, ...listening } = settings;
  const options = { ...listening, maxTokens: configuration.maxTokens, budget: context.budget.door() };
  if (!isLoopback(options.host)) log.warn(DONATE_WARNING);
  if (mode === 'local_lm') return openDonateDoor({ ...options, backend: { mode, worker } });
  const { createMount } = await import('./donate-mount.ts');
  const { scheduler } = worker;
  const mount = createMount(configuration, log);
  const onError = ({ code, message, cause }: ShoalError): void =>
    countedLog(log).write('errors', code, () => log.warn({ code, cause }, message));
  // The system's folder for temporary files may be in memory, which is too small for a model.
  const folder = join(homeFiles(home).cache, 'donate');
  return openDonateDoor({ ...options, backend: { mode, scheduler, mount, folder, onError } });
}

async function openQmesh(
  { capacity }: DoorConfiguration<'qmesh'>,
  { configuration, home, dht, worker, budget }: DoorContext,
): Promise<OpenDoor> {
  const { openQmeshDoor } = await import('@shoal/worker/qmesh');
  const { acquireWorkerId } = await import('../home/worker-id.ts');
  const { id: workerId, release } = await acquireWorkerId(home.data);
  try {
    const { maxTokens } = configuration;
    const door = await openQmeshDoor({ dht, worker, workerId, maxTokens, capacity, budget: budget.door() });
    return withRelease(door, release);
  } catch (error) {
    release();
    throw error;
  }
}

async function openLocalLlm(
  { name, keep }: DoorConfiguration<'localllm'>,
  { configuration, home, dht, worker, budget }: DoorContext,
): Promise<OpenDoor> {
  const { openLocalLlmDoor } = await import('@shoal/worker/localllm');
  const { createTopic, loadTopic } = await import('../home/server-id.ts');
  return openLocalLlmDoor({
    dht,
    worker,
    name: name ?? configuration.name,
    topic: keep ? await loadTopic(home) : createTopic(),
    maxTokens: configuration.maxTokens,
    budget: budget.door(),
  });
}

/** A door for `shoal/1`. The settings of a TCP door are a part of those of a WebSocket door. */
function shoalDoor(transport: 'websocket' | 'tcp'): OpenFunction<'websocket'> {
  return async (settings, { configuration, worker, hello, budget }) => {
    const { openShoalDoor } = await import('@shoal/worker/shoal');
    const { doorToken: token } = configuration;
    return openShoalDoor({ transport, ...settings, token, hello, worker, budget: budget.door() });
  };
}

/** The same door, which calls `release` after it has closed. */
function withRelease(door: OpenDoor, release: () => void): OpenDoor {
  return {
    name: door.name,
    address: door.address,
    status: () => door.status(),
    async close() {
      await door.close();
      release();
    },
  };
}

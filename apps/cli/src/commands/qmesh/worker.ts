import { printableName } from '@shoal/host/printable';
import type { Configuration } from '@shoal/host/configuration';
import { doorSettings } from '@shoal/host/doors/settings';
import { createLogger, type Logger } from '@shoal/host/log';
import { acquireWorkerId } from '@shoal/host/home/worker-id';
import { createBudget } from '@shoal/host/peer-budget';
import { createDht } from '@shoal/transport/dht';
import { openQmeshDoor, type QmeshDoor } from '@shoal/worker/qmesh';
import { EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { untilAnnounced } from '../../door/announcement.ts';
import { doorConfiguration, openDoorWorker } from '../../door/door-worker.ts';
import { untilEnded } from '../../door/foreground.ts';
import { givenDoorSettings, givenSettings } from '../../given-settings.ts';
import { count, print } from '../../terminal/output.ts';
import { swarmLog } from '../../door/swarm-log.ts';

/** Running answers have this time to complete when the worker ends. */
const DRAIN_MS = 30_000;
/** The default limit for tokens of a prompt and its answer together, if the model was trained on more. */
const DEFAULT_CONTEXT_TOKENS = 2_048;

export interface QmeshWorkerFlags {
  readonly topic?: string | undefined;
  readonly debug?: boolean | undefined;
}

/** `shoal qmesh worker`: runs a worker in the foreground until Ctrl-C. */
export async function qmeshWorker(context: Context, flags: QmeshWorkerFlags): Promise<number> {
  const { topic, debug = false } = flags;
  const settings = { ...givenSettings('qmesh worker', flags), ...(debug && { logLevel: 'debug' }) };
  const configuration = await doorConfiguration(context, settings);
  const door = doorSettings('qmesh', configuration, givenDoorSettings('qmesh', 'qmesh worker', flags));
  const options = { ...door, topic, configuration, log: createLogger(configuration.logLevel) };
  await untilEnded(options.log, () => openWorker(context, options));
  return EXIT.ok;
}

interface WorkerOptions {
  readonly configuration: Configuration;
  readonly topic: string | undefined;
  readonly capacity: number;
  readonly log: Logger;
}

/** Resources are closed in reverse order, also if a later step fails. */
async function openWorker(context: Context, options: WorkerOptions): Promise<{ close(): Promise<void> }> {
  const { configuration, topic, capacity, log } = options;
  const { bootstrap, queue, maxTokens } = configuration;
  const choice = { ...configuration, contextLengthMax: DEFAULT_CONTEXT_TOKENS };
  await using opened = new AsyncDisposableStack();
  const opening = openDoorWorker(context, { choice, limits: { queue, maxTokens }, log });
  const worker = opened.adopt(await opening, (one) => one.close(0));
  // After the model is loaded: an earlier Ctrl-C ends the process at once and would leave the lock's file.
  const workerId = opened.adopt(await acquireWorkerId(process.cwd()), (id) => id.release());
  const dht = opened.adopt(createDht(bootstrap.length === 0 ? {} : { bootstrap }), (one) => one.close());
  const door = opened.adopt(
    await openQmeshDoor({
      dht,
      worker,
      workerId: workerId.id,
      maxTokens,
      log: swarmLog((line) => log.debug(line)),
      network: topic,
      capacity,
      budget: createBudget(configuration).door(),
    }),
    (one) => one.close(),
  );
  opened.defer(() => worker.scheduler.drain(DRAIN_MS));
  const held = opened.move();
  let hasEnded = false;
  const announced = (): Promise<void> => door.announced();
  const announcing = untilAnnounced(dht, { log, what: 'this worker', announced, hasEnded: () => hasEnded });
  void announcing.then(() => {
    if (!hasEnded) introduce(context, door, worker.models[0]?.id);
  });
  return {
    close() {
      hasEnded = true;
      return held.disposeAsync();
    },
  };
}

/** Printed once clients can find the worker, or a warning has said that they cannot. */
function introduce(context: Context, door: QmeshDoor, model = 'no model'): void {
  const { workerId, address } = door;
  const { queueCapacity: capacity } = door.health();
  const line = [
    `Worker ${workerId.slice(0, 6)} lends ${printableName(model)} in the QMesh network ${printableName(address)},`,
    `with room for ${count(capacity, 'prompt')}. Ctrl-C ends it.`,
  ];
  print(context, { worker_id: workerId, topic: address, model, capacity }, [line.join(' ')]);
}

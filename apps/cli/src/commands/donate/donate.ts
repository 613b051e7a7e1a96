import { join } from 'node:path';
import type { Configuration } from '@shoal/host/configuration';
import { countedLog } from '@shoal/host/counted-log';
import { createMount } from '@shoal/host/doors/donate-mount';
import { DONATE_WARNING } from '@shoal/host/doors/donate-warning';
import { type DoorConfiguration, doorSettings } from '@shoal/host/doors/settings';
import { homeFiles } from '@shoal/host/home';
import { createLogger, type Logger } from '@shoal/host/log';
import { printableName } from '@shoal/host/printable';
import { createBudget } from '@shoal/host/peer-budget';
import type { Mode } from '@shoal/protocol/donate';
import type { ShoalError } from '@shoal/protocol/error';
import { isLoopback } from '@shoal/transport';
import { listenTcp } from '@shoal/transport/tcp';
import { Scheduler } from '@shoal/worker';
import { type DonateDoor, type DonateBackendOptions, type JobReport, openDonateDoor } from '@shoal/worker/donate';
import { CliError, EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { createFolder } from '../../donate/created-folder.ts';
import { doorConfiguration, logDoorError, openDoorWorker } from '../../door/door-worker.ts';
import { untilEnded } from '../../door/foreground.ts';
import { givenDoorSettings, givenSettings } from '../../given-settings.ts';
import { count, print } from '../../terminal/output.ts';

/** Running answers have this time to complete when the node ends. */
const DRAIN_MS = 30_000;

export interface DonateFlags {
  readonly folder?: string | undefined;
  readonly model?: string | undefined;
}

interface DoorChoice extends Pick<DoorConfiguration<'donate'>, 'mode' | 'host' | 'port' | 'queue'> {
  /** For pushed models. */
  readonly folder: string;
}

/** `shoal donate`: runs a Donate compute node in the foreground until Ctrl-C. */
export async function donate(context: Context, flags: DonateFlags): Promise<number> {
  const configuration = await doorConfiguration(context, givenSettings('donate', flags));
  const settings = doorSettings('donate', configuration, givenDoorSettings('donate', 'donate', flags));
  checkMode(settings.mode, flags);
  const choice: DoorChoice = {
    ...settings,
    folder: flags.folder ?? join(homeFiles(context.home).cache, 'donate'),
  };
  const log = createLogger(configuration.logLevel);
  await untilEnded(log, () => openDoor(context, choice, configuration, log));
  return EXIT.ok;
}

function checkMode(mode: Mode, { model, folder }: DonateFlags): void {
  if (mode === 'model_push' && model !== undefined) {
    throw CliError.usage('With --mode model_push clients send the model: leave --model out.');
  }
  if (mode === 'local_lm' && folder !== undefined) {
    throw CliError.usage('--folder is for --mode model_push: this mode stores no models.');
  }
}

/** Resources are closed in reverse order, also if a later step fails. */
async function openDoor(
  context: Context,
  { mode, host, port, queue, folder }: DoorChoice,
  configuration: Configuration,
  log: Logger,
): Promise<{ close(): Promise<void> }> {
  await using opened = new AsyncDisposableStack();
  await checkPort(host, port);
  const lend = async (): Promise<{ backend: DonateBackendOptions; scheduler: Scheduler }> => {
    if (mode === 'model_push') {
      const onError = (error: ShoalError): void => logDoorError(log, error);
      const scheduler = new Scheduler({ slots: 1, onError });
      const mount = createMount(configuration, log);
      const { path } = opened.adopt(await createFolder(folder), (one) => one.close());
      return { scheduler, backend: { mode, scheduler, mount, onError, folder: path } };
    }
    const limits = { slots: 1, queue, maxTokens: configuration.maxTokens };
    const opening = openDoorWorker(context, { choice: configuration, limits, log });
    const worker = opened.adopt(await opening, (one) => one.close(0));
    return { scheduler: worker.scheduler, backend: { mode, worker } };
  };
  const { backend, scheduler } = await lend();
  const { maxTokens } = configuration;
  const onJob = (report: JobReport): void => logJob(log, report);
  const budget = createBudget(configuration).door();
  const door = opened.adopt(await openDonateDoor({ host, port, queue, maxTokens, backend, onJob, budget }), (one) =>
    one.close(),
  );
  opened.defer(() => scheduler.drain(DRAIN_MS));
  if (!isLoopback(host)) log.warn(DONATE_WARNING);
  announce(context, door, backend, queue);
  const held = opened.move();
  return { close: () => held.disposeAsync() };
}

/** Listens on the port for a moment, so that a taken port is reported before a model is loaded. */
async function checkPort(host: string, port: number): Promise<void> {
  const listener = await listenTcp({ host, port, maxConnections: 1, onConnection: (one) => one.close() });
  await listener.close();
}

function announce(context: Context, { address, mode }: DonateDoor, backend: DonateBackendOptions, queue: number): void {
  const model = backend.mode === 'local_lm' ? backend.worker.models[0]?.id : undefined;
  const folder = backend.mode === 'model_push' ? backend.folder : undefined;
  const what = model === undefined ? 'the models that clients send' : printableName(model);
  print(context, { address, mode, model: model ?? null, queue, folder: folder ?? null }, [
    `Donating ${what} on ${address} (${mode}), with room for ${count(queue, 'job')}. Ctrl-C ends it.`,
    ...(folder === undefined ? [] : [`Models are kept in ${folder} while they are used.`]),
  ]);
}

/** `192.168.1.7:50132: prompt answered, 12 tokens in 0.8 s; 3 jobs waited`. */
function logJob(log: Logger, { peer, kind, outcome, error, tokens, queueDepth, durationMs }: JobReport): void {
  const seconds = (durationMs / 1_000).toFixed(1);
  const size = kind === 'mount' ? '' : `, ${count(tokens, 'token')}`;
  const waited = queueDepth === 0 ? '' : `; ${count(queueDepth, 'job')} waited`;
  const line = `${peer}: ${kind} ${outcome === 'aborted' ? 'taken back' : outcome}${size} in ${seconds} s${waited}`;
  // A client has a new port at each connection.
  countedLog(log).write('door', peer.replace(/:\d+$/, ''), () => {
    if (error === undefined) log.info(line);
    else log.warn(`${line}: ${printableName(error.message)}`);
  });
}

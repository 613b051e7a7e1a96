import { mkdir } from 'node:fs/promises';
import { FOLDER_MODE } from '@shoal/files/durable-write';
import { loadConfiguration, type Configuration } from '@shoal/host/configuration';
import { homeFiles, prepareHome } from '@shoal/host/home';
import { type SettingTable } from '@shoal/host/settings/setting';
import { SETTINGS } from '@shoal/host/settings/table';
import { EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { NodeService } from '../../service/service.ts';
import { columns, print } from '../../terminal/output.ts';

const UNTESTED = 'This was never tried on such a system. Please tell us how it went.';

/** `shoal service install`: safe to repeat. */
export async function installService(context: Context): Promise<number> {
  const { home } = context;
  const configuration = await loadConfiguration(home, {});
  prepareHome(home);
  // A folder that is missing when the service starts cannot be written by it.
  await mkdir(homeFiles(home).models, { recursive: true, mode: FOLDER_MODE });
  const service = new NodeService(home);
  await service.install();
  const { manager, plan, file } = service;
  print(context, { name: plan.name, file }, [
    `Installed ${plan.name} with ${manager.label}: ${file}`,
    `It runs this node as its configuration says: ${roleOf(configuration)}. Its log: shoal logs -f`,
    ...[variableAdvice(), manager.advice(), manager.isTested ? undefined : UNTESTED].filter(
      (text) => text !== undefined,
    ),
  ]);
  return EXIT.ok;
}

/** `shoal service uninstall`: safe to repeat. */
export async function uninstallService(context: Context): Promise<number> {
  const service = new NodeService(context.home);
  const { plan, file } = service;
  const isRemoved = await service.uninstall();
  print(context, { name: plan.name, file, removed: isRemoved }, [
    isRemoved ? `Removed ${plan.name}: ${file}` : `${plan.name} is not installed`,
  ]);
  return EXIT.ok;
}

/** `shoal service status`: exits with 3 if the service does not run. */
export async function serviceStatus(context: Context): Promise<number> {
  const service = new NodeService(context.home);
  const { plan, file, manager } = service;
  const isInstalled = await service.isInstalled();
  const state = isInstalled ? await service.state() : undefined;
  const text = isInstalled
    ? (state?.text ?? `unknown: ${manager.label} of this user does not answer`)
    : 'not installed';
  const document = {
    name: plan.name,
    installed: isInstalled,
    file,
    state: text,
    running: state?.isRunning ?? false,
    enabled: state?.isEnabled ?? false,
    ...(state?.pid !== undefined && { pid: state.pid }),
  };
  print(context, document, [
    ...columns([
      ['service', `${plan.name}, ${text}${state?.pid === undefined ? '' : `, pid ${state.pid}`}`],
      ...(isInstalled ? installedRows(file, state?.isEnabled ?? false) : []),
      ...(isInstalled ? [['log', homeFiles(context.home).log]] : []),
    ]),
    ...(isInstalled
      ? [manager.advice()].filter((advice) => advice !== undefined)
      : ['Install it: shoal service install']),
  ]);
  return state?.isRunning === true ? EXIT.ok : EXIT.notRunning;
}

function installedRows(file: string, isEnabled: boolean): string[][] {
  return [
    ['file', file],
    ['start', isEnabled ? 'by itself' : 'by hand'],
  ];
}

function roleOf({ lend, model }: Configuration): string {
  if (!lend) return 'it does not lend';
  return model === undefined ? 'it lends' : `it lends ${model}`;
}

/** A service has none of the variables of this shell. */
function variableAdvice(): string | undefined {
  const table: SettingTable = SETTINGS;
  const names = Object.values(table).flatMap(({ variable }) => variable ?? []);
  const set = names.filter((name) => (process.env[name] ?? '') !== '');
  if (set.length === 0) return undefined;
  return `It does not use ${set.join(', ')} of this shell. Write into the configuration what it needs.`;
}

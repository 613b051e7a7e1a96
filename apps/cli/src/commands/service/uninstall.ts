import { rmdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { errorCode } from '@shoal/files/error-code';
import type { Home } from '@shoal/host/home';
import { runningPid } from '@shoal/host/home/running-pid';
import { ShoalError } from '@shoal/protocol/error';
import { EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { type Belonging, belongingsOf, emptiedFolders, homesOf } from '../../installation/belongings.ts';
import { findInstallation, removeCommand } from '../../installation/installation.ts';
import { interruptible } from '../../models/interruptible.ts';
import { NodeService } from '../../service/service.ts';
import { columns, print } from '../../terminal/output.ts';
import { size } from '../../terminal/transfer-progress.ts';

export interface UninstallOptions {
  readonly yes?: boolean | undefined;
  readonly models?: boolean | undefined;
}

/** `shoal uninstall`: lists what belongs to Shoal, and removes it once that is confirmed. */
export async function uninstall(context: Context, { yes = false, models = false }: UninstallOptions): Promise<number> {
  const homes = homesOf(process.env);
  const installation = findInstallation();
  const all = belongingsOf(homes, installation);
  const services = await installedServices(homes);
  await mustBeStopped(homes, services);
  const removed = all.filter(({ kind }) => models || kind !== 'models');
  const kept = all.filter((one) => !removed.includes(one));
  const isConfirmed = yes || (await isAgreed(context, [...lines(removed, services), ...keptLines(kept)]));
  if (isConfirmed) {
    for (const service of services) await service.uninstall();
    for (const { path } of removed) rmSync(path, { recursive: true, force: true });
    for (const folder of emptiedFolders(homes, installation)) removeEmpty(folder);
  }
  const program = removeCommand(installation);
  print(context, { removed: isConfirmed, services: services.map(({ file }) => file), items: removed, kept, program }, [
    ...(yes ? [...lines(removed, services), ...keptLines(kept)] : []),
    isConfirmed ? 'Removed.' : 'Nothing was removed. Confirm with --yes.',
    ...(isConfirmed && program !== undefined ? [`To remove the program itself: ${program}`] : []),
  ]);
  return EXIT.ok;
}

async function installedServices(homes: readonly Home[]): Promise<readonly NodeService[]> {
  const services: NodeService[] = [];
  for (const home of homes) {
    const service = new NodeService(home);
    if (await service.isInstalled().catch(notOurs)) services.push(service);
  }
  return services;
}

/** A file that somebody else wrote, or that runs the node of another home, stays. */
function notOurs(error: unknown): false {
  if (error instanceof ShoalError) return false;
  throw error;
}

async function mustBeStopped(homes: readonly Home[], services: readonly NodeService[]): Promise<void> {
  const names = new Set(services.map(({ plan }) => plan.name));
  for (const home of homes) {
    const pid = await runningPid(home);
    if (pid === undefined || names.has(new NodeService(home).plan.name)) continue;
    const flag = home.node === undefined ? '' : ` --node ${home.node}`;
    throw ShoalError.invalidRequest(`A node runs (pid ${pid}). Stop it first: shoal${flag} stop`);
  }
}

function lines(removed: readonly Belonging[], services: readonly NodeService[]): string[] {
  if (removed.length + services.length === 0) return ['No files of Shoal are here.'];
  const rows = removed.map(({ kind, path, bytes }) => [kind, size(bytes), path]);
  const shared = removed.some(({ kind }) => kind === 'models')
    ? ['Other homes of this user may use these models too.']
    : [];
  return [
    'These belong to Shoal:',
    ...columns([...services.map(({ file }) => ['service', '', file]), ...rows]),
    ...shared,
  ];
}

function keptLines(kept: readonly Belonging[]): string[] {
  const [first] = kept;
  if (first === undefined) return [];
  const bytes = kept.reduce((sum, one) => sum + one.bytes, 0);
  return [`The models stay, ${size(bytes)} in ${dirname(first.path)}. To remove them too: --models`];
}

/** Asks on a terminal. Elsewhere nothing is removed without `--yes`. */
async function isAgreed({ json }: Context, shown: readonly string[]): Promise<boolean> {
  if (json) return false;
  process.stdout.write(`${shown.join('\n')}\n`);
  if (!process.stdin.isTTY || !process.stdout.isTTY) return false;
  return interruptible(async (signal) => {
    const terminal = createInterface({ input: process.stdin, output: process.stdout });
    try {
      return /^y(es)?$/i.test((await terminal.question('Remove all this? [y/N] ', { signal })).trim());
    } finally {
      terminal.close();
    }
  });
}

/** Keeps a folder with files of others. */
function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (error) {
    if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(errorCode(error))) throw error;
  }
}

import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, renameSync, statSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { writeDurably } from '@shoal/files/durable-write';
import { readApiAccess } from '@shoal/host/home/api-file';
import { API_PATHS, type StatusView } from '@shoal/node/api';
import { homeFiles, prepareHome, type Home } from '@shoal/host/home';
import { MAX_LOG_BYTES, olderLog } from '@shoal/host/log-file';
import { launchFlags, launchVariables } from '@shoal/host/launch';
import { printableName, printableText } from '@shoal/host/printable';
import type { Settings } from '@shoal/host/settings';
import { ShoalError } from '@shoal/protocol/error';
import { callNode } from '../../node/api-client.ts';
import { checkedFlags, givenSettings } from '../../given-settings.ts';
import { EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { LAUNCHER } from '../../node/launcher.ts';
import { runningNode } from '../../node/running-node.ts';
import { print } from '../../terminal/output.ts';
import { savingFlags } from './save.ts';
import { continued, crashedRun, reportContinued } from './last-run.ts';

/** `shoal start` waits this long for the node, its model included. The node may still come up later. */
const START_TIMEOUT_MS = 180_000;
const START_CHECK_MS = 50;
const SHOWN_LOG_LINES = 10;

/** The flags for settings, and `--save`. */
export interface StartOptions {
  readonly save?: boolean | undefined;
}

/**
 * `shoal start`: returns when the node answers. A node that already runs is not changed. After a crash the settings of the
 * last run are used again.
 */
export async function start(context: Context, options: StartOptions): Promise<number> {
  const flags = givenSettings('start', options);
  const given = checkedFlags(flags);
  const running = await runningNode(context.home);
  if (running !== undefined) {
    const advice = 'its settings are unchanged; "shoal restart" changes them';
    await savingFlags(context.home, flags, options.save, async () =>
      print(context, running, [`Already running: ${printableName(running.name)}, pid ${running.pid} (${advice})`]),
    );
    return EXIT.ok;
  }
  const crashed = await crashedRun(context.home);
  const launch = crashed === undefined ? given : await continued(context.home, crashed, given);
  if (crashed !== undefined) reportContinued(crashed);
  await savingFlags(context.home, flags, options.save, async () => {
    const view = await startDetached(context.home, launch);
    print(context, view, startedLines(context.home, view));
  });
  return EXIT.ok;
}

export function startedLines(home: Home, view: StatusView): string[] {
  const { log } = homeFiles(home);
  return [`Started ${printableName(view.name)}, pid ${view.pid}, API ${view.addresses.api}, log ${log}`];
}

/** Starts the home's node in a session of its own. If it does not start, throws an error with the end of its log. */
export async function startDetached(home: Home, launch: Settings): Promise<StatusView> {
  prepareHome(home);
  const { log } = homeFiles(home);
  const logBytes = rotate(log);
  const output = openSync(log, 'a', 0o600);
  const node = home.node === undefined ? [] : ['--node', home.node];
  const child = spawn(process.execPath, [LAUNCHER, 'serve', ...node, ...launchFlags(launch)], {
    detached: true,
    env: { ...process.env, ...launchVariables(launch) },
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  child.unref();
  await untilAnswering(home, child, logBytes);
  return callNode<StatusView>(home, 'GET', API_PATHS.status);
}

async function untilAnswering(home: Home, child: ChildProcess, logBytes: number): Promise<void> {
  const startedAt = performance.now();
  while (performance.now() - startedAt < START_TIMEOUT_MS) {
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new ShoalError('GENERATION_FAILED', await whyNotStarted(home, logBytes));
    }
    const access = await readApiAccess(home);
    if (access !== undefined && access.pid === child.pid) return;
    await wait(START_CHECK_MS);
  }
  throw new ShoalError(
    'TIMEOUT_NO_RESPONSE',
    `The node (pid ${child.pid}) is still starting; its log is ${homeFiles(home).log}.`,
  );
}

async function whyNotStarted(home: Home, logBytes: number): Promise<string> {
  const { log } = homeFiles(home);
  const written = (await readFile(log)).subarray(logBytes).toString('utf8');
  // On a full disk the node cannot log its reason either.
  if (written === '') await checkWritable(home);
  const last = printableText(written).trimEnd().split('\n').slice(-SHOWN_LOG_LINES);
  return `The node did not start. ${log} ends with:\n${last.map((line) => `  ${line}`).join('\n')}`;
}

/** Throws the error of a failed write to the home, if a write fails. */
async function checkWritable(home: Home): Promise<void> {
  const path = join(home.state, 'start.tmp');
  await writeDurably(path, '\n');
  await rm(path, { force: true });
}

/** Renames a log that is too large. Returns the size of the log that is then used. */
function rotate(log: string): number {
  const bytes = statSync(log, { throwIfNoEntry: false })?.size ?? 0;
  if (bytes <= MAX_LOG_BYTES) return bytes;
  renameSync(log, olderLog(log));
  return 0;
}

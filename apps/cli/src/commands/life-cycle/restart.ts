import { stageFile } from '@shoal/files/durable-write';
import { homeFiles, type Home } from '@shoal/host/home';
import { readLastRun } from '@shoal/host/launch';
import { checkedFlags, givenSettings } from '../../given-settings.ts';
import { CliError, EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { runningNode } from '../../node/running-node.ts';
import { print } from '../../terminal/output.ts';
import { continued, reportContinued } from './last-run.ts';
import { savingFlags } from './save.ts';
import { startDetached, startedLines, type StartOptions } from './start.ts';
import { stopNode } from './stop.ts';

/** More than the files that a node writes at its start. */
const START_BYTES = 64 * 1024;

/**
 * `shoal restart`: uses the settings of the last start, and the flags and variables given now. A node that crashed is started.
 * Nothing is stopped if a secret of the last start is missing, or if the disk is full.
 */
export async function restart(context: Context, options: StartOptions): Promise<number> {
  const { home } = context;
  const flags = givenSettings('restart', options);
  const given = checkedFlags(flags);
  const [running, run] = [await runningNode(home), await readLastRun(home)];
  if (running === undefined && run?.ended !== false) throw CliError.notRunning();
  const launch = run === undefined ? given : await continued(home, run, given);
  await savingFlags(home, flags, options.save, async () => {
    await checkSpace(home);
    if (running !== undefined) await stopNode(home);
    else if (run !== undefined) reportContinued(run);
    const view = await startDetached(home, launch);
    print(context, view, startedLines(home, view));
  });
  return EXIT.ok;
}

/** Throws `STORAGE_FULL` if the node could not write its files. It would be stopped and would not start again. */
async function checkSpace(home: Home): Promise<void> {
  const staged = await stageFile(homeFiles(home).launch, ' '.repeat(START_BYTES));
  await staged.discard();
}

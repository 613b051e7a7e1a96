import { setTimeout as wait } from 'node:timers/promises';
import { API_PATHS } from '@shoal/node/api';
import { forgetCrash, hasCrashed } from '@shoal/host/home/crash';
import { runningPid } from '@shoal/host/home/running-pid';
import type { Home } from '@shoal/host/home';
import { ShoalError } from '@shoal/protocol/error';
import { callNode, findNode } from '../../node/api-client.ts';
import { EXIT, exitCodeOf } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { runningNode } from '../../node/running-node.ts';
import { print } from '../../terminal/output.ts';

/** `shoal stop` waits this long for the node to end. */
const STOP_TIMEOUT_MS = 45_000;
const STOP_CHECK_MS = 50;

/**
 * `shoal stop`: returns when the node has ended. A node that does not run is stopped already, and the next start does not
 * continue the run of one that crashed.
 */
export async function stop(context: Context): Promise<number> {
  if ((await runningNode(context.home)) === undefined && (await hasCrashed(context.home))) {
    await forgetCrash(context.home);
    print(context, { pid: null }, ['Not running. Its last run did not end cleanly and is not continued.']);
    return EXIT.ok;
  }
  const pid = await stoppedPid(context.home);
  print(context, { pid }, [pid === null ? 'The node was not running.' : `Stopped (pid ${pid})`]);
  return EXIT.ok;
}

/** Stops the node. Returns null if none runs. */
async function stoppedPid(home: Home): Promise<number | null> {
  try {
    return await stopNode(home);
  } catch (error) {
    if (exitCodeOf(error) === EXIT.notRunning) return null;
    throw error;
  }
}

/** Ends the node and waits until its home is free. Returns its process id. */
export async function stopNode(home: Home): Promise<number> {
  const { pid } = await findNode(home);
  await callNode(home, 'POST', API_PATHS.stop);
  const askedAt = performance.now();
  while ((await runningPid(home)) === pid) {
    if (performance.now() - askedAt > STOP_TIMEOUT_MS) {
      throw new ShoalError('TIMEOUT_NO_RESPONSE', `The node (pid ${pid}) does not end. End it with: kill -9 ${pid}`);
    }
    await wait(STOP_CHECK_MS);
  }
  return pid;
}

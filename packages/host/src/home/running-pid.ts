import { isProcessAlive } from '@shoal/files/process';
import { readOptional } from '@shoal/files/read';
import { homeFiles, type Home } from './home.ts';

/** Returns the id of the process that runs a home's node; undefined if none does. */
export async function runningPid(home: Home): Promise<number | undefined> {
  const pid = Number((await readOptional(homeFiles(home).pid))?.trim());
  return pid > 0 && isProcessAlive(pid) ? pid : undefined;
}

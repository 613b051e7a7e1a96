import { errorCode } from './error-code.ts';

/** True if a process with this id runs, whichever user it belongs to. */
export function isProcessAlive(pid: number): boolean {
  try {
    // Signal 0 sends nothing. It only checks that the process exists.
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}

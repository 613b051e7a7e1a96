import { execFile } from 'node:child_process';
import { ShoalError } from '@shoal/protocol/error';

/** A service manager that takes longer is stuck. Stopping a node takes up to `STOP_TIMEOUT_S`. */
const TOOL_TIMEOUT_MS = 90_000;

export interface ToolResult {
  readonly isDone: boolean;
  readonly stdout: string;
  /** The last line of an error, for people. */
  readonly problem: string;
}

/** Runs a program of the system. A program that is missing or fails is a result, too. */
export function runTool(program: string, args: readonly string[]): Promise<ToolResult> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: TOOL_TIMEOUT_MS }, (error, stdout, stderr) => {
      const problem = stderr.trim().split('\n').at(-1) || (error?.message ?? '');
      resolve({ isDone: error === null, stdout, problem });
    });
  });
}

/** As `runTool`, for a step that must succeed. Throws `INVALID_REQUEST` with the program's reason. */
export async function runStep(program: string, args: readonly string[]): Promise<void> {
  const { isDone, problem } = await runTool(program, args);
  if (!isDone) throw ShoalError.invalidRequest(`"${[program, ...args].join(' ')}" failed: ${problem}`);
}

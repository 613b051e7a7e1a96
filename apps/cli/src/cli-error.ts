import { ShoalError, type ErrorCode } from '@shoal/protocol/error';

/** Exit codes of the commands. */
export const EXIT = { ok: 0, failed: 1, usage: 2, notRunning: 3, interrupted: 130 } as const;

/** An error with the exit code of the command. The exit code of any other error is 1. */
export class CliError extends ShoalError {
  readonly exitCode: number;

  private constructor(code: ErrorCode, message: string, exitCode: number) {
    super(code, message);
    this.exitCode = exitCode;
  }

  static usage(message: string): CliError {
    return new CliError('INVALID_REQUEST', message, EXIT.usage);
  }

  static notRunning(): CliError {
    return new CliError('HOST_OFFLINE', 'not running; start the node with "shoal start"', EXIT.notRunning);
  }

  static interrupted(): CliError {
    return new CliError('GENERATION_ABORTED', 'interrupted', EXIT.interrupted);
  }
}

export function exitCodeOf(error: unknown): number {
  return error instanceof CliError ? error.exitCode : EXIT.failed;
}

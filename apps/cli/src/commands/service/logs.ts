import { homeFiles, type Home } from '@shoal/host/home';
import { ShoalError } from '@shoal/protocol/error';
import { EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { isAtLeast, jsonOf, type Level, readLogLine, terminalText } from '../../logs/log-line.ts';
import { LogReader } from '../../logs/log-reader.ts';
import { writeOut } from '../../terminal/output.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface LogsOptions {
  readonly follow?: boolean | undefined;
  readonly level: Level;
  readonly lines: number;
}

/** `shoal logs`: the end of the node's log, and with `--follow` what is written later, until Ctrl-C. */
export async function logs({ home, json }: Context, { follow = false, level, lines }: LogsOptions): Promise<number> {
  const asJson = json || !process.stdout.isTTY;
  const reader = new LogReader(homeFiles(home).log);
  const write = async (texts: readonly string[], most = Infinity): Promise<void> => {
    const fitting = texts.map(readLogLine).filter((line) => isAtLeast(line, level));
    const shown = fitting.slice(Math.max(0, fitting.length - most));
    if (shown.length > 0) await writeOut(`${shown.map(asJson ? jsonOf : terminalText).join('\n')}\n`);
  };
  const written = await reader.lines();
  if (written === undefined && !follow) throw noLog(home);
  await write(written ?? [], lines);
  if (follow)
    await untilInterrupted(async (signal) => {
      for await (const added of reader.follow(signal)) await write(added);
    });
  return EXIT.ok;
}

function noLog(home: Home): ShoalError {
  return ShoalError.invalidRequest(
    `There is no log at ${homeFiles(home).log}. "shoal start" and the service write one; "shoal serve" logs to its terminal.`,
  );
}

/** Ctrl-C is how a look at the log ends, and no failure. */
async function untilInterrupted(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort();
  for (const name of SIGNALS) process.once(name, interrupt);
  try {
    await work(interrupted.signal);
  } finally {
    for (const name of SIGNALS) process.off(name, interrupt);
  }
}

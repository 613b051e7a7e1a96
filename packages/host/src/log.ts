import { pino, type DestinationStream, type Logger } from 'pino';
import { printableText } from './printable.ts';

export type { Logger } from 'pino';
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

const STDERR = 2;

/** Never logged, wherever they stand in what is logged. */
const SECRETS = ['token', 'seed', 'secretKey', 'authorization', '*.token', '*.seed', '*.secretKey', '*.authorization'];

/** Takes whole lines for people, each with its newline. */
export interface LineSink {
  write(line: string): unknown;
}

/**
 * Lines for people on a terminal, JSON lines elsewhere, both on stderr: `{"level":"info","time":…,"msg":"…"}`. A `terminal`
 * takes the former in its place.
 */
export function createLogger(level: LogLevel, terminal?: LineSink): Logger {
  return pino(
    {
      level,
      base: null,
      redact: { paths: SECRETS, censor: '[secret]' },
      formatters: { level: (label) => ({ level: label }) },
    },
    destination(terminal ?? (process.stderr.isTTY ? process.stderr : undefined)),
  );
}

function destination(terminal: LineSink | undefined): DestinationStream {
  if (terminal === undefined) return pino.destination({ fd: STDERR, sync: true });
  return {
    write(line) {
      const { level, msg, err } = JSON.parse(line) as {
        level: string;
        msg?: string | undefined;
        err?: { message?: string | undefined };
      };
      const words = [level === 'info' ? '' : `${level}: `, msg ?? '', err?.message ? ` (${err.message})` : ''];
      terminal.write(`${printableText(words.join(''))}\n`);
    },
  };
}

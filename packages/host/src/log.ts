import { fstatSync, writeSync } from 'node:fs';
import { pino, type DestinationStream, type Logger } from 'pino';
import { LogFile, unlessFull } from './log-file.ts';
import { printableText } from './printable.ts';

export type { Logger } from 'pino';
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

const STDERR = 2;

/** Keys whose values are never logged. */
const SECRETS = ['token', 'seed', 'secretKey', 'authorization', '*.token', '*.seed', '*.secretKey', '*.authorization'];

/** Receives whole lines, each with its newline. */
export interface LineSink {
  write(line: string): unknown;
}

/**
 * Creates a logger to stderr: plain lines on a terminal, else JSON lines such as `{"level":"info","time":…,"msg":"…"}`.
 * `terminal` receives plain lines instead of stderr.
 */
export function createLogger(level: LogLevel, terminal?: LineSink): Logger {
  return loggerTo(destination(terminal ?? (process.stderr.isTTY ? process.stderr : undefined)), level);
}

/** As `createLogger`, for a node: if stderr is the file at `path`, the file stays within its largest size. */
export function createNodeLogger(level: LogLevel, path: string, terminal?: LineSink): Logger {
  const file = LogFile.open(path);
  return file === undefined ? createLogger(level, terminal) : loggerTo(file, level);
}

function loggerTo(stream: DestinationStream, level: LogLevel): Logger {
  return pino(
    {
      level,
      base: null,
      redact: { paths: SECRETS, censor: '[secret]' },
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  );
}

/** A file takes each line as it comes, or leaves it out while its disk is full. Others may make the writer wait. */
function standardError(): DestinationStream {
  const kind = fstatSync(STDERR);
  if (kind.isFIFO() || kind.isSocket()) return pino.destination({ fd: STDERR, sync: true });
  return { write: (line) => unlessFull(() => writeSync(STDERR, line)) };
}

function destination(terminal: LineSink | undefined): DestinationStream {
  if (terminal === undefined) return standardError();
  return {
    write(line) {
      const { level, msg, err } = JSON.parse(line) as {
        level: string;
        msg?: string | undefined;
        err?: { message?: string | undefined };
      };
      const parts = [level === 'info' ? '' : `${level}: `, msg ?? '', err?.message ? ` (${err.message})` : ''];
      terminal.write(`${printableText(parts.join(''))}\n`);
    },
  };
}

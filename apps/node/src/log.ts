import { pino, type DestinationStream, type Logger } from 'pino';
import { printableText } from './printable.ts';

export type { Logger } from 'pino';
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

const STDERR = 2;

/** Never logged, wherever they stand in what is logged. */
const SECRETS = ['token', 'seed', 'secretKey', 'authorization', '*.token', '*.seed', '*.secretKey', '*.authorization'];

/** Lines for people on a terminal, JSON lines elsewhere, both on stderr: `{"level":"info","time":…,"msg":"…"}`. */
export function createLogger(level: LogLevel): Logger {
  return pino(
    {
      level,
      base: null,
      redact: { paths: SECRETS, censor: '[secret]' },
      formatters: { level: (label) => ({ level: label }) },
    },
    process.stderr.isTTY ? humanLines(process.stderr) : pino.destination({ fd: STDERR, sync: true }),
  );
}

function humanLines(stream: NodeJS.WriteStream): DestinationStream {
  return {
    write(line) {
      const { level, msg, err } = JSON.parse(line) as { level: string; msg?: string; err?: { message?: string } };
      const words = [level === 'info' ? '' : `${level}: `, msg ?? '', err?.message ? ` (${err.message})` : ''];
      stream.write(`${printableText(words.join(''))}\n`);
    },
  };
}

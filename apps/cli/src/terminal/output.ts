import { printableText } from '@shoal/host/printable';
import type { Context } from '../context.ts';

/** A rate of fewer tokens says little about the speed of a model, so none is shown. */
export const RATE_MIN_TOKENS = 20;

/**
 * Prints the result of a command: the document with `--json`, its keys in snake_case, otherwise the lines. A terminal gets it
 * without control sequences, because names and messages of peers are in it.
 */
export function print(context: Context, document: unknown, lines: readonly string[]): void {
  const text = context.json ? JSON.stringify(snakeCased(document)) : lines.join('\n');
  if (text !== '') process.stdout.write(`${modelText(text)}\n`);
}

/** Returns a copy with all keys in snake_case, as on the wire. Values are unchanged. */
export function snakeCased(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snakeCased);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      snakeCased(each),
    ]),
  );
}

/** Returns foreign text, such as a model's, for stdout: without control sequences if stdout is a terminal. */
export function modelText(text: string): string {
  return process.stdout.isTTY ? printableText(text) : text;
}

/** Writes a piece of a model's text to stdout. Resolves once stdout accepts more. */
export function writeModelText(text: string): Promise<void> {
  return writeOut(modelText(text));
}

/** Writes to stdout. Resolves once stdout accepts more, or at once if it is closed. */
export async function writeOut(text: string): Promise<void> {
  const { stdout } = process;
  if (stdout.destroyed || stdout.write(text)) return;
  await new Promise<void>((resolve) => {
    const events = ['drain', 'error', 'close'];
    const done = (): void => {
      for (const event of events) stdout.off(event, done);
      resolve();
    };
    for (const event of events) stdout.on(event, done);
  });
}

/** Aligns rows in columns, two spaces apart. The last column is not padded. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
  }
  return rows.map((row) =>
    row
      .map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(widths[index] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

/** `1 peer`, `2 peers`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** Formats a measured time: `0.03 s`, `4.2 s`, and from ten seconds on like `duration`. */
export function elapsed(seconds: number): string {
  if (seconds < 1) return `${Math.max(seconds, 0.01).toFixed(2)} s`;
  return seconds < 9.95 ? `${seconds.toFixed(1)} s` : duration(Math.round(seconds));
}

/** Formats seconds: `42 s`, `3 min`, `5 h 10 min`, `2 d 3 h`. */
export function duration(seconds: number): string {
  const whole = Math.floor(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} min`;
  if (whole < 86_400) return `${Math.floor(whole / 3_600)} h ${Math.floor((whole % 3_600) / 60)} min`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3_600)} h`;
}

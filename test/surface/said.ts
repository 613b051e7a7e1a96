import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Patterns of the lines that scripts look for, by command. They are edited by hand. */
const LINES: Readonly<Record<string, readonly string[]>> = JSON.parse(
  readFileSync(join(import.meta.dirname, 'lines.json'), 'utf8'),
);

/** The patterns of a command. */
export function patternsOf(command: string): readonly RegExp[] {
  const patterns = LINES[command];
  assert.ok(patterns !== undefined, `lines.json has no ${command}`);
  return patterns.map((pattern) => new RegExp(pattern, 'mu'));
}

/** True if a text has every line of a command. */
export function hasSaid(command: string, text: string): boolean {
  return patternsOf(command).every((pattern) => pattern.test(text));
}

/** Fails with the first line that a text lacks. */
export function assertSaid(command: string, text: string): void {
  for (const pattern of patternsOf(command)) assert.match(text, pattern, `${command} does not print it any more`);
}

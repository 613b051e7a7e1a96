import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** By the command that says them: the lines that people's scripts look for, as patterns. They are changed by hand. */
const LINES: Readonly<Record<string, readonly string[]>> = JSON.parse(
  readFileSync(join(import.meta.dirname, 'lines.json'), 'utf8'),
);

/** The patterns of a command. */
export function patternsOf(command: string): readonly RegExp[] {
  const patterns = LINES[command];
  assert.ok(patterns !== undefined, `lines.json has no ${command}`);
  return patterns.map((pattern) => new RegExp(pattern, 'mu'));
}

/** Whether a text has every line of a command. */
export function hasSaid(command: string, text: string): boolean {
  return patternsOf(command).every((pattern) => pattern.test(text));
}

/** Fails with the first line that a text lacks. */
export function assertSaid(command: string, text: string): void {
  for (const pattern of patternsOf(command)) assert.match(text, pattern, `${command} says it no more`);
}

/** The documents whose lines are run, in this order: the first installs. */
export const DOCUMENTS = ['README.md', 'docs/runbook.md', 'examples/README.md'] as const;

const ANNOTATION = /^<!-- newcomer: (.*) -->$/;
const SKIP = /^skip(?<commands>(?:,? `[^`]+`)*), because (?<reason>.+)$/;
const EACH_LINE_A_MACHINE = 'one machine for each line';

/** A command of a document. */
export interface Line {
  readonly command: string;
  /** The number of its line in the document, counted from 1. */
  readonly number: number;
  /** The reason why it is not run. */
  readonly skipped?: string | undefined;
  /** The terminal that a comment such as "# terminal 2" names. */
  readonly terminal?: string | undefined;
  /** True if another machine runs it. */
  readonly onOwnMachine: boolean;
}

/**
 * Returns the commands of a Markdown document: the lines of its blocks that begin with ```sh. A comment before a block says
 * what differs from typing them one after the other:
 *
 *     <!-- newcomer: skip, because REASON -->
 *     <!-- newcomer: skip `COMMAND`, `COMMAND`, because REASON -->
 *     <!-- newcomer: one machine for each line -->
 *
 * The second form skips the lines that begin with these commands. Throws for any other annotation, and for one that names a
 * command that is not there.
 */
export function readCommands(text: string): Line[] {
  const found: Line[] = [];
  const lines = text.split('\n');
  let note: string | undefined;
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? '';
    if (line !== '```sh') {
      // Between an annotation and its block there are only empty lines.
      note = line.trim() === '' ? note : ANNOTATION.exec(line)?.[1];
      continue;
    }
    const end = lines.indexOf('```', at);
    if (end < 0) throw new Error(`The block at line ${at + 1} has no end.`);
    found.push(...readBlock(lines.slice(at + 1, end), at + 2, note));
    note = undefined;
    at = end;
  }
  return found;
}

function readBlock(lines: readonly string[], firstNumber: number, note: string | undefined): Line[] {
  const skip = note === undefined ? undefined : SKIP.exec(note)?.groups;
  if (note !== undefined && skip === undefined && note !== EACH_LINE_A_MACHINE) {
    throw new Error(`The annotation before line ${firstNumber} cannot be read: ${note}`);
  }
  const skipped = [...(skip?.['commands'] ?? '').matchAll(/`([^`]+)`/g)].map(([, command = '']) => command);
  for (const command of skipped) {
    if (lines.some((line) => line.startsWith(command))) continue;
    throw new Error(`The annotation before line ${firstNumber} skips "${command}", which is not in the block.`);
  }
  const isSkipped = (line: string): boolean =>
    skip !== undefined && (skipped.length === 0 || skipped.some((command) => line.startsWith(command)));
  const found: Line[] = [];
  let terminal: string | undefined;
  for (const [index, command] of lines.entries()) {
    terminal = /^# terminal (\w+)$/.exec(command)?.[1] ?? terminal;
    if (command.trim() === '' || command.startsWith('#')) continue;
    found.push({
      command,
      number: firstNumber + index,
      skipped: isSkipped(command) ? skip?.['reason'] : undefined,
      terminal,
      onOwnMachine: note === EACH_LINE_A_MACHINE,
    });
  }
  return found;
}

import type { Argument, Command, Option } from 'commander';
import { childOf } from '../help/usage-error.ts';

/** A word that may come next. */
export interface Candidate {
  readonly word: string;
  readonly about: string;
}

/** Names that are looked up. They fail silently, because there is no place for an error. */
export interface Names {
  models(): Promise<readonly string[]>;
  clusters(): Promise<readonly string[]>;
}

/** The kind of names by the name of an argument or flag. */
const NAMED: Readonly<Record<string, keyof Names>> = {
  model: 'models',
  otherModel: 'models',
  from: 'models',
  cluster: 'clusters',
};

/**
 * Returns the words that may come next on a command line. `words` follow the name of the program, and the last one is being
 * typed. Without candidates the shell completes the names of files.
 */
export async function candidates(
  program: Command,
  words: readonly string[],
  names: Names,
): Promise<readonly Candidate[]> {
  const typed = words.at(-1) ?? '';
  const { command, position, option } = placeOf(program, words.slice(0, -1));
  const found = await candidatesAt(program, { command, position, option, typed }, names);
  return found.filter(({ word }) => word.startsWith(typed));
}

interface Place {
  readonly command: Command;
  /** Number of arguments before this word. */
  readonly position: number;
  /** The flag whose value this word is. */
  readonly option: Option | undefined;
}

function placeOf(program: Command, words: readonly string[]): Place {
  let command = program;
  let position = 0;
  let option: Option | undefined;
  for (const word of words) {
    if (option !== undefined) option = undefined;
    else if (word.startsWith('-')) option = valueFlag(command, word);
    else {
      const child = position === 0 ? childOf(command, word) : undefined;
      if (child === undefined) position += 1;
      else command = child;
    }
  }
  return { command, position, option };
}

/** Returns the flag if its value is the next word. */
function valueFlag(command: Command, word: string): Option | undefined {
  return flagsOf(command).find(({ required, short, long }) => required && (short === word || long === word));
}

/** The flags of a command and of the whole program. */
function flagsOf(command: Command): Option[] {
  const help = command.createHelp();
  return [...help.visibleOptions(command), ...help.visibleGlobalOptions(command)];
}

async function candidatesAt(
  program: Command,
  { command, position, option, typed }: Place & { readonly typed: string },
  names: Names,
): Promise<readonly Candidate[]> {
  if (option !== undefined) return valuesOf(option.argChoices, option.attributeName(), names);
  if (typed.startsWith('-')) {
    return flagsOf(command).flatMap(({ long, description }) => (long ? [{ word: long, about: description }] : []));
  }
  const children = command.createHelp().visibleCommands(command);
  if (children.length > 0 && position === 0) return children.map(described);
  if (command.name() === 'help') return program.createHelp().visibleCommands(program).map(described);
  const argument = argumentAt(command, position);
  return argument === undefined ? [] : valuesOf(argument.argChoices, argument.name(), names);
}

function described(command: Command): Candidate {
  return { word: command.name(), about: command.summary() || command.description() };
}

/** The last argument may be repeated. */
function argumentAt({ registeredArguments }: Command, position: number): Argument | undefined {
  const last = registeredArguments.at(-1);
  return registeredArguments[position] ?? (last?.variadic === true ? last : undefined);
}

async function valuesOf(
  choices: readonly string[] | undefined,
  name: string,
  names: Names,
): Promise<readonly Candidate[]> {
  const kind = NAMED[name];
  const words = choices ?? (kind === undefined ? [] : await names[kind]());
  return words.map((word) => ({ word, about: '' }));
}

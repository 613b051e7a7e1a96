import type { Command, CommanderError } from 'commander';
import { didYouMean } from './did-you-mean.ts';

/** Returns the message of a usage error that commander has found, with the nearest known word. */
export function usageMessage({ code, message }: CommanderError, program: Command, args: readonly string[]): string {
  const command = innermost(program, args);
  const advice = ` See "${fullName(command)} --help".`;
  // Commander printed the help, because a command of the group is missing.
  if (code === 'commander.help') return `a command is missing.${advice}`;
  const [text = message] = message.replace(/^error: /, '').split('\n');
  const sentence = /[.!?]$/.test(text) ? text : `${text}.`;
  return `${sentence}${suggestion(code, text, command) || advice}`;
}

/** Returns the command that the words name, as far as they are known. */
function innermost(program: Command, words: readonly string[]): Command {
  let command = program;
  for (const word of words) command = childOf(command, word) ?? command;
  return command;
}

/** Returns the subcommand with this name or alias. */
export function childOf(command: Command, word: string): Command | undefined {
  return command.commands.find((child) => child.name() === word || child.aliases().includes(word));
}

/** ` Did you mean status?` for an unknown command or flag, else an empty text. */
function suggestion(code: string, text: string, command: Command): string {
  const [, word = ''] = /'([^'=]*)/.exec(text) ?? [];
  if (code === 'commander.unknownCommand') return didYouMean(word, commandNames(command));
  if (code === 'commander.unknownOption') return didYouMean(word, flagNames(command));
  return '';
}

/** `shoal engine add`. */
function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;
}

/** The names and aliases of the subcommands that the help lists. */
export function commandNames(command: Command): string[] {
  const help = command.createHelp();
  return help.visibleCommands(command).flatMap((child) => [child.name(), ...child.aliases()]);
}

/** The long flags of a command, those of the whole program included. */
function flagNames(command: Command): string[] {
  const help = command.createHelp();
  const options = [...help.visibleOptions(command), ...help.visibleGlobalOptions(command)];
  return options.flatMap(({ long }) => long ?? []);
}

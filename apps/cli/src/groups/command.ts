import { type Command, InvalidArgumentError } from 'commander';
import { locateHome } from '@shoal/node/home';
import { ShoalError } from '@shoal/protocol';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';

/** Takes the exit code of the command that ran. */
export type Finish = (exitCode: number) => void;

export function example(command: Command, line: string): Command {
  return command.addHelpText('after', `\nExample:\n  $ ${line}`);
}

export function contextOf(command: Command): Context {
  const { node, json } = command.optsWithGlobals<{ node?: string; json?: boolean }>();
  try {
    return { home: locateHome(process.env, node), json: json ?? false };
  } catch (error) {
    throw error instanceof ShoalError ? CliError.usage(error.message) : error;
  }
}

export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

export function collectHosts(value: string, before: readonly string[] = []): string[] {
  return [...before, ...value.split(',').filter((host) => host !== '')];
}

export function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

export function decimal(text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new InvalidArgumentError('It must be a number from 0.');
  return Number(text);
}

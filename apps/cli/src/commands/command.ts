import { type Command, InvalidArgumentError } from 'commander';
import { locateHome } from '@shoal/host/home';
import { ShoalError } from '@shoal/protocol/error';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';

const LAST_PORT = 65_535;

/** Receives the exit code of a command. */
export type Finish = (exitCode: number) => void;

export function example(command: Command, line: string): Command {
  return command.addHelpText('after', `\nExample:\n  $ ${line}`);
}

export function contextOf(command: Command): Context {
  const { node, json } = command.optsWithGlobals<{ node?: string | undefined; json?: boolean | undefined }>();
  try {
    return { home: locateHome(process.env, node), json: json ?? false };
  } catch (error) {
    throw error instanceof ShoalError ? CliError.usage(error.message) : error;
  }
}

export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

export function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

export function positiveNumber(text: string): number {
  const number = wholeNumber(text);
  if (number < 1) throw new InvalidArgumentError('It must be a whole number from 1.');
  return number;
}

export function port(text: string): number {
  const number = wholeNumber(text);
  if (number > LAST_PORT) throw new InvalidArgumentError(`It must be a port from 0 to ${LAST_PORT}.`);
  return number;
}

export function decimal(text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new InvalidArgumentError('It must be a number from 0.');
  return Number(text);
}

export function positiveDecimal(text: string): number {
  const number = decimal(text);
  if (number === 0) throw new InvalidArgumentError('It must be more than 0.');
  return number;
}

export function notEmpty(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('It must not be empty.');
  return text;
}

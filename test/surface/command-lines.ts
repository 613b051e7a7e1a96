import type { createProgram } from '../../apps/cli/src/program.ts';

type Command = ReturnType<typeof createProgram>;
type Flag = Command['options'][number];
type Argument = Command['registeredArguments'][number];

/** The command line syntax of one command, without its help texts. */
interface CommandLine {
  readonly aliases: readonly string[];
  readonly arguments: readonly string[];
  readonly flags: readonly string[];
}

/** A program and all its commands, by full name. */
export function commandLines(command: Command): Record<string, CommandLine> {
  const own = {
    aliases: command.aliases().toSorted(),
    arguments: command.registeredArguments.map(argumentText),
    flags: command.options.map(flagText).toSorted(),
  };
  const name = command.name();
  const beneath = command.commands
    .toSorted((one, other) => one.name().localeCompare(other.name()))
    .flatMap((each) => Object.entries(commandLines(each)))
    .map(([inner, line]) => [`${name} ${inner}`, line] as const);
  return { [name]: own, ...Object.fromEntries(beneath) };
}

/** `<model>`, `[prompt...]`, `<gpu> of cuda|vulkan`. */
function argumentText(argument: Argument): string {
  const { required, variadic, argChoices, defaultValue } = argument;
  const name = `${argument.name()}${variadic ? '...' : ''}`;
  return [required ? `<${name}>` : `[${name}]`, ...rest(argChoices, defaultValue)].join(' ');
}

/** `--port <value> default 49737`, `--cluster <value> repeated`. The name of the value is not recorded. */
function flagText(flag: Flag): string {
  const { short, long, required, optional, mandatory, hidden, argChoices, defaultValue } = flag;
  return [
    [short, long].filter((name) => name !== undefined && name !== null).join(', '),
    ...(required ? ['<value>'] : []),
    ...(optional ? ['[value]'] : []),
    ...(mandatory ? ['required'] : []),
    ...(hidden ? ['hidden'] : []),
    ...(isRepeated(flag) ? ['repeated'] : []),
    ...rest(argChoices, defaultValue),
  ].join(' ');
}

function rest(choices: readonly string[] | undefined, usual: unknown): readonly string[] {
  return [
    ...(choices === undefined ? [] : [`of ${choices.join('|')}`]),
    ...(usual === undefined ? [] : [`default ${JSON.stringify(usual)}`]),
  ];
}

/** True if a second value is added to the first. */
function isRepeated({ variadic, parseArg }: Flag): boolean {
  if (variadic) return true;
  try {
    const values: unknown = parseArg?.('second', ['first']);
    return Array.isArray(values) && values.length === 2;
  } catch {
    // It refuses a text because it expects a number, which cannot be repeated.
    return false;
  }
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** The longest command is the installation. */
const COMMAND_TIMEOUT_MS = 120_000;
const MARK = '=== exit code';
/** Marks the end of the output of a command. */
const END = new RegExp(`\n${MARK} (\\d+)\n`);

/**
 * Runs the commands of file descriptor 3 in one shell, so that variables and aliases last. Commands read what they ask for from
 * the file $TYPED, and their output ends with their exit code.
 */
const DRIVER = `
shopt -s expand_aliases
exec 2>&1
while IFS= read -r -d '' command <&3; do
  eval "$command" 3<&- < "$TYPED"
  printf '\\n%s %s\\n' '${MARK}' "$?"
done`;

export interface ShellOptions {
  readonly folder: string;
  readonly environment: NodeJS.ProcessEnv;
  /** The file that commands read as their standard input. */
  readonly typed: string;
}

export interface Ran {
  readonly code: number;
  readonly output: string;
}

/** A terminal of a newcomer: one bash, whose commands run one after the other. */
export class Shell {
  readonly #child: ChildProcess;
  #output = '';
  #changed: () => void = () => undefined;

  constructor({ folder, environment, typed }: ShellOptions) {
    this.#child = spawn('bash', ['-c', DRIVER], {
      cwd: folder,
      env: { ...environment, TYPED: typed },
      // Its own process group, so that a command in the foreground ends with it.
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
      this.#changed();
    });
    this.#child.once('exit', () => this.#changed());
  }

  /** Runs a command to its end. */
  async run(command: string): Promise<Ran> {
    const [output, code] = await this.#type(command, END);
    return { code: Number(code), output };
  }

  /** Runs a command until its output matches, and leaves it running. */
  async begin(command: string, until: RegExp): Promise<string> {
    const [output] = await this.#type(command, until);
    return output;
  }

  async close(): Promise<void> {
    const { pid, exitCode, signalCode } = this.#child;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    const exit = once(this.#child, 'exit');
    process.kill(-pid, 'SIGTERM');
    await exit;
  }

  /** Returns the output before the match, and the first group of the match. */
  async #type(command: string, until: RegExp): Promise<[string, string]> {
    const [, , , commands] = this.#child.stdio;
    if (commands === null || commands === undefined || !('write' in commands)) throw new Error('bash did not start.');
    this.#output = '';
    commands.write(`${command}\0`);
    const late = AbortSignal.timeout(COMMAND_TIMEOUT_MS);
    for (;;) {
      const found = until.exec(this.#output);
      if (found !== null) return [this.#output.replace(END, ''), found[1] ?? ''];
      const hasEnded = this.#child.exitCode !== null || END.test(this.#output);
      if (hasEnded || late.aborted) {
        throw new Error(`${hasEnded ? 'Ended' : 'Timed out'} before ${until}: ${command}\n${this.#output}`);
      }
      await this.#change(late);
    }
  }

  #change(late: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#changed = resolve;
      late.addEventListener('abort', () => resolve(), { once: true });
    });
  }
}

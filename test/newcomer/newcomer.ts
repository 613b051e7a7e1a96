import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { localDht, type LocalDht } from '@shoal/transport/dht';
import { findProgram, runProgram, userEnvironment } from '../../scripts/release/program.ts';
import { readCommands } from './document.ts';
import { endProcesses } from './end-processes.ts';
import { Journey } from './journey.ts';

const ROOT = join(import.meta.dirname, '../..');
/** The text that is typed into every command that asks for a message. */
const TYPED = 'What is 2+2?\n';

export interface Followed {
  readonly run: number;
  /** The lines that were left out, with their reasons. */
  readonly skipped: readonly string[];
}

/** Someone who has just cloned the repository and types what its documents say. */
export class Newcomer {
  readonly #root: string;
  readonly #dht: LocalDht;
  readonly #environment: NodeJS.ProcessEnv;
  #isInstalled = false;

  /** Clones the last commit, as a branch that can be pulled. */
  static async clone(): Promise<Newcomer> {
    const root = await mkdtemp(join(tmpdir(), 'shoal-newcomer-'));
    const git = async (...args: readonly string[]): Promise<unknown> => runProgram('git', args, { folder: root });
    const { stdout } = await runProgram('git', ['rev-parse', 'HEAD'], { folder: ROOT });
    await git('clone', '--quiet', '--bare', ROOT, 'origin');
    await git('--git-dir=origin', 'update-ref', 'refs/heads/newcomer', stdout.trim());
    await git('clone', '--quiet', '--branch', 'newcomer', 'origin', 'shoal');
    await writeFile(join(root, 'typed'), TYPED);
    const dht = await localDht();
    return new Newcomer(root, dht, { ...(await userOfThisMachine(root)), SHOAL_BOOTSTRAP: dht.bootstrap.join() });
  }

  private constructor(root: string, dht: LocalDht, environment: NodeJS.ProcessEnv) {
    this.#root = root;
    this.#dht = dht;
    this.#environment = environment;
  }

  /** Runs each line of a document, in a new home folder. Throws at the first that does not work. */
  async follow(document: string): Promise<Followed> {
    const text = await readFile(join(this.#root, 'shoal', document), 'utf8');
    const journey = new Journey({
      folder: join(this.#root, 'shoal'),
      homes: join(this.#root, document.replaceAll('/', '-')),
      environment: this.#environment,
      typed: join(this.#root, 'typed'),
    });
    const skipped: string[] = [];
    let run = 0;
    try {
      for (const line of readCommands(text)) {
        const reason = this.#isInstalled && /^npm ci\b/.test(line.command) ? 'it was run before' : line.skipped;
        if (reason === undefined) {
          await journey.take(line).catch((error: unknown) => {
            throw new Error(`${document}:${line.number} does not work: ${line.command}`, { cause: error });
          });
          this.#isInstalled ||= line.command.startsWith('npm ci');
          run += 1;
        } else {
          skipped.push(`${document}:${line.number}: ${line.command} (${reason})`);
        }
      }
    } finally {
      await journey.close();
      // Nodes and bootstraps in the background are known by their folders.
      await endProcesses(this.#root);
    }
    return { run, skipped };
  }

  /** Ends also what a document that is not done has started. */
  async close(): Promise<void> {
    await endProcesses(this.#root);
    await this.#dht.close();
    await rm(this.#root, { recursive: true, force: true });
  }
}

/** The environment of a new user, whose npm has this machine's settings and cache. */
async function userOfThisMachine(folder: string): Promise<NodeJS.ProcessEnv> {
  const npm = async (key: string): Promise<string> =>
    (await runProgram(findProgram('npm'), ['config', 'get', key], { folder })).stdout.trim();
  return {
    ...userEnvironment(),
    NO_PROXY: '127.0.0.1',
    npm_config_cache: await npm('cache'),
    npm_config_userconfig: await npm('userconfig'),
    npm_config_prefer_offline: 'true',
    npm_config_update_notifier: 'false',
  };
}

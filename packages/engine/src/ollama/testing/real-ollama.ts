import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { promisify } from 'node:util';

/** Where Ollama is, if it is: where `.ci/install-ollama` puts it, or on the path. */
export function findOllama(): string | undefined {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const folders = [join(cache, 'shoal-tools/ollama-v0.17.4'), ...(process.env['PATH'] ?? '').split(delimiter)];
  return folders.map((folder) => join(folder, 'ollama')).find((path) => existsSync(path));
}

/** Far longer than a line of the log takes, because a machine may be slow. */
const PATIENCE_MS = 20_000;

/** What the tests ask for: with another number Ollama would load the model anew. */
export const CONTEXT_TOKENS = 1_024;
/** Many times what the demo model takes. */
const ANSWER_MS = 10_000;

/** A real Ollama that answers one request at a time, with a home of its own, on a port that the system picks. */
export class RealOllama {
  readonly #binary: string;
  #home: string | undefined;
  #server: ChildProcess | undefined;
  #log: Interface | undefined;
  #address = '';

  constructor(binary: string) {
    this.#binary = binary;
  }

  get address(): string {
    return this.#address;
  }

  /** The next line of the server's log, which has its debugging lines too, that matches. Rejects where none does in time. */
  logged(pattern: RegExp): Promise<RegExpExecArray> {
    const heard: string[] = [];
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        clearTimeout(timer);
        this.#log?.off('line', listen);
      };
      const timer = setTimeout(() => {
        stop();
        reject(new Error(`No line of Ollama's log matches ${pattern}:\n${heard.join('\n')}`));
      }, PATIENCE_MS);
      const listen = (line: string): void => {
        const found = pattern.exec(line);
        if (found === null) {
          heard.push(line);
        } else {
          stop();
          resolve(found);
        }
      };
      this.#log?.on('line', listen);
    });
  }

  async start(): Promise<void> {
    this.#home = await mkdtemp(join(tmpdir(), 'shoal-ollama-'));
    const env = this.#environment({ OLLAMA_HOST: '127.0.0.1:0', OLLAMA_NUM_PARALLEL: '1', OLLAMA_DEBUG: '1' });
    const server = spawn(this.#binary, ['serve'], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    this.#server = server;
    this.#log = createInterface({ input: server.stderr });
    const failed = once(server, 'exit').then(([code]) => {
      throw new Error(`Ollama ended with ${code} before it listened.`);
    });
    const [, address] = await Promise.race([this.logged(/Listening on (\S+)/), failed]);
    this.#address = address ?? '';
  }

  /** Makes a model; the Modelfile's first line names its GGUF file. */
  async create(name: string, modelfile: string): Promise<void> {
    const file = join(this.#home ?? '', 'Modelfile');
    await writeFile(file, modelfile);
    const env = this.#environment({ OLLAMA_HOST: this.#address });
    await promisify(execFile)(this.#binary, ['create', name, '-f', file], { env });
  }

  /** Makes a model of a GGUF file's bytes. */
  async createFrom(name: string, gguf: Uint8Array): Promise<void> {
    const file = join(this.#home ?? '', `${name}.gguf`);
    await writeFile(file, gguf);
    await this.create(name, `FROM ${file}\n`);
  }

  /** Whether a model says a token within a few seconds, its loading included. */
  async answers(model: string): Promise<boolean> {
    try {
      const response = await fetch(`http://${this.#address}/api/generate`, {
        method: 'POST',
        body: JSON.stringify({
          model,
          prompt: 'Hi',
          stream: false,
          options: { num_predict: 1, num_ctx: CONTEXT_TOKENS },
        }),
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      await response.text();
      return response.ok;
    } catch (error) {
      if (error instanceof Error && error.name === 'TimeoutError') return false;
      throw error;
    }
  }

  /** Ends the server, and the model's process with it. Safe to call twice. */
  async stop(): Promise<void> {
    const [server, home] = [this.#server, this.#home];
    this.#server = undefined;
    this.#home = undefined;
    if (server?.pid !== undefined && server.exitCode === null) {
      const ended = once(server, 'close');
      server.kill('SIGTERM');
      const patience = setTimeout(() => server.kill('SIGKILL'), ANSWER_MS);
      await ended;
      clearTimeout(patience);
    }
    if (home !== undefined) await rm(home, { recursive: true });
  }

  #environment(own: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
    const home = this.#home ?? '';
    return { PATH: process.env['PATH'], HOME: home, OLLAMA_MODELS: join(home, 'models'), ...own };
  }
}

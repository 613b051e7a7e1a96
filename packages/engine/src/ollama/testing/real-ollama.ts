import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { promisify } from 'node:util';

/** Ollama's path: that of `.ci/install-ollama`, or in PATH. Undefined if it is not installed. */
export function findOllama(): string | undefined {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const folders = [join(cache, 'shoal-tools/ollama-v0.17.4'), ...(process.env['PATH'] ?? '').split(delimiter)];
  return folders.map((folder) => join(folder, 'ollama')).find((path) => existsSync(path));
}

/** Far longer than a line of the log usually takes. */
const LOG_TIMEOUT_MS = 20_000;

/** The context of all tests: with another length Ollama reloads the model. */
export const CONTEXT_TOKENS = 1_024;
/** Many times what the demo model needs. */
const ANSWER_TIMEOUT_MS = 10_000;

/** A real Ollama that answers one request at a time, with its own home, on a port that the system picks. */
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

  /** Resolves with the next matching line of the server's debug log. Rejects if there is none in time. */
  logged(pattern: RegExp): Promise<RegExpExecArray> {
    const lines: string[] = [];
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        clearTimeout(timer);
        this.#log?.off('line', listen);
      };
      const timer = setTimeout(() => {
        stop();
        reject(new Error(`No line of Ollama's log matches ${pattern}:\n${lines.join('\n')}`));
      }, LOG_TIMEOUT_MS);
      const listen = (line: string): void => {
        const found = pattern.exec(line);
        if (found === null) {
          lines.push(line);
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

  /** Creates a model. The Modelfile's first line names its GGUF file. */
  async create(name: string, modelfile: string): Promise<void> {
    const file = join(this.#home ?? '', 'Modelfile');
    await writeFile(file, modelfile);
    const env = this.#environment({ OLLAMA_HOST: this.#address });
    await promisify(execFile)(this.#binary, ['create', name, '-f', file], { env });
  }

  /** Creates a model from the bytes of a GGUF file. */
  async createFrom(name: string, gguf: Uint8Array): Promise<void> {
    const file = join(this.#home ?? '', `${name}.gguf`);
    await writeFile(file, gguf);
    await this.create(name, `FROM ${file}\n`);
  }

  /** True if a model is loaded and generates a token within a few seconds. */
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
        signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
      });
      await response.text();
      return response.ok;
    } catch (error) {
      if (error instanceof Error && error.name === 'TimeoutError') return false;
      throw error;
    }
  }

  /** Ends the server and the process of its model. May be called twice. */
  async stop(): Promise<void> {
    const [server, home] = [this.#server, this.#home];
    this.#server = undefined;
    this.#home = undefined;
    if (server?.pid !== undefined && server.exitCode === null) {
      const ended = once(server, 'close');
      server.kill('SIGTERM');
      const timer = setTimeout(() => server.kill('SIGKILL'), ANSWER_TIMEOUT_MS);
      await ended;
      clearTimeout(timer);
    }
    if (home !== undefined) await rm(home, { recursive: true });
  }

  #environment(own: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
    const home = this.#home ?? '';
    return { PATH: process.env['PATH'], HOME: home, OLLAMA_MODELS: join(home, 'models'), ...own };
  }
}

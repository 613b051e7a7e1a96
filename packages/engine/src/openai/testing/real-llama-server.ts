import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { existsSync, globSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';

const PROGRAM = 'llama-server';

/** Where llama.cpp's server is, if it is: where `SHOAL_LLAMA_SERVER` says, on the path, or where CI builds it. */
export function findLlamaServer(): string | undefined {
  const { SHOAL_LLAMA_SERVER: told, PATH: path = '', XDG_CACHE_HOME: cache = join(homedir(), '.cache') } = process.env;
  const built = globSync('shoal-tools/llama.cpp-*', { cwd: cache }).map((folder) => join(cache, folder));
  const found = [...path.split(delimiter), ...built].map((folder) => join(folder, PROGRAM));
  return [...(told === undefined ? [] : [told]), ...found].find((file) => existsSync(file));
}

/** A real llama-server with one model, on a port that was free a moment ago. */
export class RealLlamaServer {
  readonly baseUrl: string;
  readonly #server: ChildProcess;

  /** Resolves once the model answers. */
  static async start(binary: string, args: readonly string[]): Promise<RealLlamaServer> {
    const port = await freePort();
    const where = ['--host', '127.0.0.1', '--port', String(port)];
    const server = spawn(binary, [...where, '-t', '1', ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    const heard: string[] = [];
    const listening = new Promise<void>((resolve) => {
      createInterface({ input: server.stderr }).on('line', (line) => {
        heard.push(line);
        if (/listening on http/.test(line)) resolve();
      });
    });
    const failed = once(server, 'exit').then(([code]) => {
      throw new Error(`llama-server ended with ${code} before it listened:\n${heard.join('\n')}`);
    });
    await Promise.race([listening, failed]);
    failed.catch(() => undefined);
    return new RealLlamaServer(server, `http://127.0.0.1:${port}`);
  }

  private constructor(server: ChildProcess, baseUrl: string) {
    this.#server = server;
    this.baseUrl = baseUrl;
  }

  /** Safe to call twice. */
  async stop(): Promise<void> {
    if (this.#server.exitCode !== null || this.#server.signalCode !== null) return;
    const ended = once(this.#server, 'exit');
    this.#server.kill('SIGKILL');
    await ended;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('A TCP server has a port.');
  return address.port;
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';

/** A real llama-server with one model, on a free port. */
export class RunningLlamaServer {
  readonly baseUrl: string;
  readonly #server: ChildProcess;

  /** Resolves once the model answers. */
  static async start(binary: string, args: readonly string[]): Promise<RunningLlamaServer> {
    const port = await freePort();
    const address = ['--host', '127.0.0.1', '--port', String(port)];
    const server = spawn(binary, [...address, '-t', '1', ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    const lines: string[] = [];
    const listening = new Promise<void>((resolve) => {
      createInterface({ input: server.stderr }).on('line', (line) => {
        lines.push(line);
        if (/listening on http/.test(line)) resolve();
      });
    });
    const failed = once(server, 'exit').then(([code]) => {
      throw new Error(`llama-server ended with ${code} before it listened:\n${lines.join('\n')}`);
    });
    await Promise.race([listening, failed]);
    failed.catch(() => undefined);
    return new RunningLlamaServer(server, `http://127.0.0.1:${port}`);
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

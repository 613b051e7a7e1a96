import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** Resolves every name to this machine, so that a page can have another origin. */
const FLAGS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--remote-debugging-port=0',
  '--host-resolver-rules=MAP *.test 127.0.0.1',
];

/** A reply to the command with this id, or an event, which has a method. */
interface Reply {
  readonly id?: number | undefined;
  readonly method?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly result?: unknown;
  readonly error?: { readonly message: string } | undefined;
}

/** A real headless browser, controlled over the DevTools protocol. */
export class Chromium {
  readonly #child: ChildProcess;
  readonly #profile: string;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  /** Called when the page of a session has loaded. */
  readonly #loading = new Map<string, () => void>();
  #lastId = 0;

  static async start(program: string): Promise<Chromium> {
    const profile = await mkdtemp(join(tmpdir(), 'shoal-chromium-'));
    const child = spawn(program, [...FLAGS, `--user-data-dir=${profile}`, 'about:blank'], {
      // Its own process group, so that its children can be ended with it.
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const socket = new WebSocket(await debuggerAddress(child));
    await once(socket, 'open');
    return new Chromium(child, profile, socket);
  }

  private constructor(child: ChildProcess, profile: string, socket: WebSocket) {
    this.#child = child;
    this.#profile = profile;
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => {
      const reply = JSON.parse(String(data)) as Reply;
      if (reply.id !== undefined) this.#waiting.get(reply.id)?.(reply);
      if (reply.method === 'Page.loadEventFired') this.#loading.get(reply.sessionId ?? '')?.();
    });
  }

  /** Opens a page, waits until its scripts have run, and returns a function that evaluates expressions in it. */
  async open(url: string): Promise<(expression: string) => Promise<unknown>> {
    const { targetId } = (await this.#send('Target.createTarget', { url: 'about:blank' })) as { targetId: string };
    const attached = await this.#send('Target.attachToTarget', { targetId, flatten: true });
    const { sessionId } = attached as { sessionId: string };
    const loaded = Promise.withResolvers<void>();
    await this.#send('Page.enable', {}, sessionId);
    await this.#send('Page.navigate', { url }, sessionId);
    this.#loading.set(sessionId, loaded.resolve);
    await loaded.promise;
    this.#loading.delete(sessionId);
    return async (expression) => {
      const options = { expression, awaitPromise: true, returnByValue: true };
      const answer = (await this.#send('Runtime.evaluate', options, sessionId)) as {
        readonly result: { readonly value?: unknown };
        readonly exceptionDetails?: object | undefined;
      };
      if (answer.exceptionDetails !== undefined) throw new Error(JSON.stringify(answer.exceptionDetails));
      return answer.result.value;
    };
  }

  async close(): Promise<void> {
    this.#socket.close();
    const ended = once(this.#child, 'exit');
    if (this.#child.pid !== undefined) process.kill(-this.#child.pid, 'SIGKILL');
    await ended;
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }

  async #send(method: string, params: object, sessionId?: string): Promise<unknown> {
    const id = (this.#lastId += 1);
    const replied = Promise.withResolvers<Reply>();
    this.#waiting.set(id, replied.resolve);
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
    const { result, error } = await replied.promise;
    this.#waiting.delete(id);
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result;
  }
}

/** Reads the address that Chromium prints at its start: `DevTools listening on ws://…`. */
async function debuggerAddress(child: ChildProcess): Promise<string> {
  if (child.stderr === null) throw new Error('Chromium was started without an output.');
  const lines: string[] = [];
  for await (const line of createInterface(child.stderr)) {
    const address = /^DevTools listening on (ws:.*)$/.exec(line)?.[1];
    if (address !== undefined) {
      child.stderr.resume();
      return address;
    }
    lines.push(line);
  }
  throw new Error(`Chromium did not start:\n${lines.join('\n')}`);
}

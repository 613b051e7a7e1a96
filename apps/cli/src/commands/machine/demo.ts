import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { API_PATHS, type StatusView } from '@shoal/node/api';
import { printableName, printableText } from '@shoal/host/printable';
import { promptInput } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import { localDht } from '@shoal/transport/dht';
import { requestAnswer, tokensPerSecond, type PromptAnswer } from '../../node/prompt-answer.ts';
import { callNode } from '../../node/api-client.ts';
import { CliError, EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { NodeProcess, type LogLine } from '../../node/node-process.ts';
import { columns, print } from '../../terminal/output.ts';

const CLUSTER = 'gatewayai-poc';
/** For the whole demo on a slow machine. */
const DEMO_TIMEOUT_MS = 120_000;

/** `shoal demo`: three nodes and one prompt. Leaves no processes or files. */
export async function demo(context: Context, flags: { prompt: string }): Promise<number> {
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, interrupt);
  const signal = AbortSignal.any([interrupted.signal, AbortSignal.timeout(DEMO_TIMEOUT_MS)]);
  try {
    await new Demo(context, flags.prompt, signal).run();
    return EXIT.ok;
  } catch (error) {
    if (interrupted.signal.aborted) throw CliError.interrupted();
    if (!signal.aborted) throw error;
    throw new ShoalError('DEADLINE_EXCEEDED', `The demo did not end within ${DEMO_TIMEOUT_MS / 1_000} s.`, {
      cause: error,
    });
  } finally {
    for (const name of signals) process.off(name, interrupt);
  }
}

class Demo {
  readonly #context: Context;
  readonly #prompt: string;
  readonly #signal: AbortSignal;
  readonly #nodes: NodeProcess[] = [];
  /** True when the nodes are shutting down. Their logs are not shown any more. */
  #isDone = false;

  constructor(context: Context, prompt: string, signal: AbortSignal) {
    this.#context = context;
    this.#prompt = prompt;
    this.#signal = signal;
  }

  /** Always closes what it opens: processes, then the DHT, then the homes. */
  async run(): Promise<void> {
    const root = await mkdtemp(join(tmpdir(), 'shoal-demo-'));
    try {
      const dht = await localDht();
      try {
        await this.#scenario(root, dht.bootstrap);
      } finally {
        await Promise.all(this.#nodes.map((node) => node.stop()));
        await dht.close();
      }
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  }

  /** NodeA joins; NodeB sees NodeA; NodeC sees both, and asks. */
  async #scenario(root: string, bootstrap: readonly string[]): Promise<void> {
    const flags = ['--cluster', CLUSTER, ...bootstrap.flatMap((address) => ['--bootstrap', address])];
    // One thread is the fastest for such a small model. Measuring would take longer than the answer.
    const lending = [...flags, '--lend', '--threads', '1'];

    const a = this.#start('NodeA', root, lending);
    await a.logged(isJoined);
    const b = this.#start('NodeB', root, lending);
    await b.logged(sees('NodeA'));
    const c = this.#start('NodeC', root, flags);
    await c.logged(isJoined);
    const joinedAt = performance.now();
    await c.logged(sees('NodeA', 'NodeB'));
    const discoverMs = Math.round(performance.now() - joinedAt);
    for (const node of this.#nodes) await node.logged(isAnswering);

    const answer = await this.#ask(c);
    await this.#report(answer, discoverMs);
  }

  #start(name: string, root: string, flags: readonly string[]): NodeProcess {
    const node = new NodeProcess(name, root, flags, this.#signal, (line) => {
      if (!this.#isDone && !isAnswering(line)) this.#printLine(name, line.msg);
    });
    this.#nodes.push(node);
    return node;
  }

  #printLine(name: string, text: string): void {
    if (!this.#context.json) process.stdout.write(`${name}  ${printableText(text)}\n`);
  }

  async #ask(node: NodeProcess): Promise<PromptAnswer> {
    this.#printLine(node.name, `asks: ${this.#prompt}`);
    const request = { request: { input: promptInput(this.#prompt), sampling: { temperature: 0 }, stop: [] } };
    const answer = await requestAnswer(node.home, { ...request, cluster: CLUSTER }, this.#signal, {
      worker: (name) => this.#write(`${name}  answers: `),
      text: async (text) => this.#write(printableText(text)),
    });
    this.#write('\n');
    return answer;
  }

  #write(text: string): void {
    if (!this.#context.json) process.stdout.write(text);
  }

  async #report(answer: PromptAnswer, discoverMs: number): Promise<void> {
    const nodes: { name: string; id: string }[] = [];
    for (const { name, home } of this.#nodes) {
      const { id } = await callNode<StatusView>(home, 'GET', API_PATHS.status);
      nodes.push({ name, id });
    }
    const speed = tokensPerSecond(answer);
    const { response, worker, chunks, timing } = answer;
    const document = {
      nodes,
      prompt: this.#prompt,
      answer: response,
      worker,
      client: 'NodeC',
      chunks,
      timing: { discover_ms: discoverMs, ...timing, tokens_per_second: speed ?? null },
    };
    const rows = [
      ['who answered', printableName(worker ?? '?')],
      ['time to discover', `${discoverMs} ms`],
      ['time to first token', `${Math.round(timing.first_token_ms)} ms`],
      ['tokens per second', speed === undefined ? 'the answer is too short to measure' : String(speed)],
    ];
    this.#isDone = true;
    print(this.#context, document, ['', ...columns(rows)]);
  }
}

function isJoined(line: LogLine): boolean {
  return line.msg === `Joined cluster ${CLUSTER}`;
}

/** True for the last log line of a starting node. */
function isAnswering(line: LogLine): boolean {
  return line.msg.startsWith('API on ');
}

function sees(...names: readonly string[]): (line: LogLine) => boolean {
  return ({ msg, peers }) => msg.startsWith('Peers: ') && names.every((name) => peers?.includes(name));
}

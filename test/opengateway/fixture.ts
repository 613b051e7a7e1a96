import { fileURLToPath } from 'node:url';
import type { Program } from '../harness/program.ts';
import type { TestNetwork } from '../harness/test-network.ts';

const NODE = fileURLToPath(new URL('./fixture-node.mjs', import.meta.url));
const PROMPT_TOOL = fileURLToPath(new URL('./fixture-prompt-tool.mjs', import.meta.url));

export interface Message {
  readonly type: string;
  readonly request_id?: unknown;
  readonly [field: string]: unknown;
}

interface FixtureEvent {
  readonly event: 'met' | 'left' | 'message';
  readonly peer: string;
  readonly message?: Message | undefined;
}

/** A node of the OpenGateway program, for the tests. `peer` is always a public key in hex. */
export class FixtureNode {
  readonly #program: Program;

  constructor(network: TestNetwork, name: string, cluster: string, ...args: readonly string[]) {
    const command = [NODE, '--bootstrap', network.bootstrap, '--name', name, '--cluster', cluster, ...args];
    this.#program = network.run({ name, command });
  }

  send(message: object, to?: string): void {
    this.#program.write(`${JSON.stringify({ message, to })}\n`);
  }

  /** Writes raw text, which may be an invalid message. */
  write(bytes: string, to?: string): void {
    this.#program.write(`${JSON.stringify({ bytes, to })}\n`);
  }

  async meets(peer: string): Promise<void> {
    await this.#program.until(() => this.#has('met', peer), `meeting ${peer}`);
  }

  async loses(peer: string): Promise<void> {
    await this.#program.until(() => this.#has('left', peer), `losing ${peer}`);
  }

  /** The first matching message, including those already received. */
  receives(what: string, fits: (message: Message, peer: string) => boolean): Promise<Message> {
    const find = (): Message | undefined =>
      this.#events.find(({ message, peer }) => message !== undefined && fits(message, peer))?.message;
    return this.#program.until(find, what);
  }

  /** The responses from a peer so far, in order. */
  responses(peer: string): Message[] {
    return this.#events
      .filter((event) => event.peer === peer)
      .flatMap(({ message }) => (message?.type === 'inference_response' ? [message] : []));
  }

  get #events(): FixtureEvent[] {
    const lines = this.#program.stdout.split('\n').slice(0, -1);
    return lines.map((line): FixtureEvent => JSON.parse(line));
  }

  #has(name: FixtureEvent['event'], key: string): true | undefined {
    return this.#events.some(({ event, peer }) => event === name && peer === key) || undefined;
  }
}

/** Runs the OpenGateway program's prompt tool, which ends after the answer. */
export function runPromptTool(network: TestNetwork, cluster: string, prompt: string): Program {
  const command = [PROMPT_TOOL, '--bootstrap', network.bootstrap, '--cluster', cluster, '--prompt', prompt];
  return network.run({ name: 'prompt tool', command });
}

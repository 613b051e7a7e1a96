import { join } from 'node:path';
import type { Program } from '../../test/harness/program.ts';
import type { TestNetwork } from '../../test/harness/test-network.ts';

const HTTP = 'http://127.0.0.1';

/** Starts a program of this folder that prints its port, and returns the program's address. */
export async function startServer(network: TestNetwork, file: string, ...args: readonly string[]): Promise<string> {
  const program = network.run({ name: file, command: [join(import.meta.dirname, file), ...args] });
  const port = await program.until(() => /^\d+\n/.exec(program.stdout)?.[0].trim(), 'its port');
  return `${HTTP}:${port}`;
}

export interface EchoNode {
  readonly program: Program;
  /** The address of its API. */
  readonly url: string;
}

/** Starts the node of echo-node.ts. `tokensPerSecond` is the speed of each answer. */
export async function startEchoNode(network: TestNetwork, slots: number, tokensPerSecond: number): Promise<EchoNode> {
  const program = network.run({
    name: 'Node',
    command: [join(import.meta.dirname, 'echo-node.ts'), network.bootstrap, String(slots), String(tokensPerSecond)],
    environment: { SHOAL_HOME: network.home('Node') },
  });
  const url = await program.until(() => /API on (http:[^"]+)/.exec(program.stderr)?.[1], 'the node to be ready');
  return { program, url };
}

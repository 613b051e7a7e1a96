import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { TestNetwork } from '../../test/harness/test-network.ts';

const SERVER = 'shoal-tools/portkey/node_modules/@portkey-ai/gateway/build/start-server.js';
const READY = 'Ready for connections';

/** Starts the gateway that .ci/install-portkey installs, and returns its address. Undefined if it is not installed. */
export async function startPortkey(network: TestNetwork): Promise<string | undefined> {
  const path = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), SERVER);
  if (!existsSync(path)) {
    console.error('Portkey is not measured, because it is not installed. Install it: .ci/install-portkey');
    return undefined;
  }
  const port = await freePort();
  const program = network.run({ name: 'Portkey', command: [path, `--port=${port}`, '--headless'] });
  await program.until(() => program.stdout.includes(READY) || undefined, 'the gateway to be ready');
  return `http://127.0.0.1:${port}/v1/chat/completions`;
}

/** Returns the headers by which it forwards a call to this server. */
export function portkeyHeaders(upstream: string): Readonly<Record<string, string>> {
  return { authorization: 'Bearer none', 'x-portkey-provider': 'openai', 'x-portkey-custom-host': upstream };
}

/** It cannot pick a port itself. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => void server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { findDemoModel } from '@shoal/host/engines';
import type { ApiAccess } from '@shoal/host/home/api-file';
import { TestNetwork } from './harness/test-network.ts';

const ROOT = join(import.meta.dirname, '..');
const SHELL_BLOCK = /^```sh\n(.*?)^```$/gms;
const DEFAULT_PORT = /127\.0\.0\.1:17002/g;
const run = promisify(execFile);

const network = await TestNetwork.open();
after(() => network.close());

const skip = await reasonToSkip();

for (const document of ['README.md', 'docs/api.md']) {
  test(`the curl lines of ${document} work as written with the demo model`, { skip }, async () => {
    const commands = await curlLines(document);
    assert.ok(commands.length >= 3, `${document} has ${commands.length} curl lines`);
    const node = await network.start(document.replaceAll('/', '-'), '--lend', '--threads', '1', '--gpu-layers', '0');
    const { port }: ApiAccess = JSON.parse(await readFile(join(node.home, 'api.json'), 'utf8'));
    const { stdout: secret } = await node.shoal(['token', 'create', '--scope', 'infer,read']);
    const env = { ...process.env, TOKEN: secret.trim(), NO_PROXY: '127.0.0.1' };
    for (const command of commands) {
      const here = command.replace('curl ', 'curl --fail-with-body -sS ').replace(DEFAULT_PORT, `127.0.0.1:${port}`);
      const { stdout } = await run('bash', ['-c', here], { env });
      assert.notEqual(stdout, '', command);
      if (command.includes('2+2')) assert.match(stdout, /"(?:content|text)": ?"[^"]*4/, command);
    }
  });
}

async function curlLines(document: string): Promise<readonly string[]> {
  const text = await readFile(join(ROOT, document), 'utf8');
  const blocks = [...text.matchAll(SHELL_BLOCK)].map(([, block = '']) => block);
  return blocks.flatMap((block) => block.split('\n')).filter((line) => line.startsWith('curl '));
}

async function reasonToSkip(): Promise<string | false> {
  if (findDemoModel() === undefined) return 'the demo model is not part of this checkout';
  const found = await run('curl', ['--version']).catch((error: unknown) => error);
  return found instanceof Error ? 'curl is not installed: apt-get install curl' : false;
}

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { API_PATHS } from '@shoal/node/api';
import { findDemoModel } from '@shoal/host/engines';
import { checkAnswer } from '../../apps/node/src/testing/check-answer.ts';
import { documentPaths, keyPaths } from './record.ts';
import { assertSaid, hasSaid } from './said.ts';
import { CLUSTER, type Scene } from './scene.ts';

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
const QUESTION = 'What is 2+2?';
/** Its answer has more than one token, because the speed of one token cannot be measured. */
const GREETING = { type: 'messages', messages: [{ role: 'user', content: 'Hello!' }] };
const PROMPT = { request: { input: GREETING, sampling: { maxTokens: 16 }, stop: [] } };
/** Interval between two API requests. */
const LOOK_MS = 20;
const LOOKS = 500;

type Found = Readonly<Record<string, unknown>>;

/** The methods and paths of the local API. An incomplete call is refused with another status than 404. */
export async function routes(scene: Scene): Promise<readonly string[]> {
  const found: string[] = [];
  for (const path of Object.values(API_PATHS)) {
    for (const method of METHODS) {
      // A stop request needs no body, so it is tried last.
      if (path === API_PATHS.stop && method === 'POST') continue;
      const { status } = await scene.call(scene.asker, method, path, method === 'GET' ? undefined : {});
      if (status !== 404) found.push(`${method} ${path}`);
    }
  }
  return found;
}

/** The responses of the local API: status, content type and key paths. They must fit the schemas of its document. */
export async function replies(scene: Scene): Promise<Found> {
  const { lender, asker } = scene;
  await untilMeasured(scene);
  const found: Record<string, unknown> = {};
  const ask = async (name: string, ...[node, method, path, body, token]: Parameters<Scene['call']>): Promise<void> => {
    const { status, type, text } = await scene.call(node, method, path, body, token);
    checkAnswer(method, path, status, text);
    const lines = type.includes('ndjson') ? byType(text) : documentPaths('replies', name, JSON.parse(text));
    found[name] = [`${status} ${type}`, lines].flat();
  };
  await ask('GET status', lender, 'GET', API_PATHS.status);
  await ask('GET status of one that does not lend', asker, 'GET', API_PATHS.status);
  await ask('GET clusters', lender, 'GET', API_PATHS.clusters);
  await ask('POST clusters', lender, 'POST', API_PATHS.clusters, { id: 'another' });
  await ask('DELETE clusters', lender, 'DELETE', `${API_PATHS.clusters}?id=another`);
  await ask('GET peers', asker, 'GET', `${API_PATHS.peers}?cluster=${CLUSTER}`);
  await ask('GET peers of one that lends', lender, 'GET', API_PATHS.peers);
  await ask('GET loaded', lender, 'GET', API_PATHS.loaded);
  await ask('POST prompt', asker, 'POST', API_PATHS.prompt, PROMPT);
  await ask('without the token', asker, 'POST', API_PATHS.clusters, { id: 'another' }, '0'.repeat(64));
  await ask('without what is needed', asker, 'POST', API_PATHS.clusters, {});
  await ask('a path that is none', asker, 'GET', '/shoal/nothing');
  return found;
}

/** The documents that commands print with `--json`. */
export async function documents(scene: Scene): Promise<Found> {
  const { lender, asker, bootstrap } = scene;
  const found: Record<string, unknown> = {};
  const document: Document = async (name, home, ...args) => {
    const command = args.length === 0 ? name.split(' ') : args;
    found[name] = documentPaths('documents', name, await scene.document(home, ...command));
  };
  const { doors } = await lender.status();
  const addressOf = (name: string): string => doors.find((door) => door.name === name)?.address ?? '';
  const dht = ['--bootstrap', bootstrap];
  await Promise.all([
    (async () => {
      for (const name of ['status', 'clusters', 'peers']) await document(name, asker.home);
      await document('connect', asker.home, 'connect', 'another');
      await document('disconnect', asker.home, 'disconnect', 'another');
      await document('prompt', asker.home, 'prompt', '--max-tokens', '4', QUESTION);
      await document('ps', lender.home);
      await document('run', lender.home, 'run', '--max-tokens', '4', findDemoModel() ?? '', QUESTION);
      await document('push', scene.commands, 'push', '--to', addressOf('donate'), '--prompt', QUESTION);
    })(),
    storeDocuments(scene, document),
    (async () => {
      await document('resources', scene.commands);
      await document('eligible', scene.commands);
      await document('engine list', scene.commands);
      await tokenDocuments(scene, document);
      await document('doctor', lender.home, 'doctor', ...dht);
      await document('qmesh ask', scene.commands, 'qmesh', 'ask', QUESTION, '--max-tokens', '4', ...dht);
      await document('batch', scene.commands, 'batch', await batchFile(scene), '--cluster', CLUSTER, ...dht);
      const failed = await scene.run(scene.home('Nowhere'), 'status', '--json');
      found['an error'] = keyPaths(JSON.parse(failed.stdout));
    })(),
  ]);
  // A LocalLLM door has no queue, so the one slot must be free.
  await document('chat', scene.commands, 'chat', addressOf('localllm'), '--prompt', QUESTION, ...dht);
  return found;
}

/** The ways to end a node, and the files that it leaves in its home. */
export async function stopping(scene: Scene): Promise<Found> {
  const { lender, asker } = scene;
  const { status, text } = await scene.call(asker, 'POST', API_PATHS.stop);
  const { stdout } = await scene.run(lender.home, 'stop');
  assertSaid('stop', stdout);
  // The place of Node's compile cache depends on NODE_COMPILE_CACHE.
  const left = (await readdir(lender.home)).filter((name) => name !== 'compile-cache').toSorted();
  return { 'POST stop': `${status} ${text}`, 'left in the home': left };
}

type Document = (name: string, home: string, ...args: readonly string[]) => Promise<void>;

async function tokenDocuments({ commands }: Scene, document: Document): Promise<void> {
  await document('token create', commands, 'token', 'create', '--name', 'a', '--expires', '30d', '--rate', '5');
  await document('token list', commands);
  await document('token revoke', commands, 'token', 'revoke', 'a');
}

async function storeDocuments(scene: Scene, document: Document): Promise<void> {
  const home = await scene.storeHome();
  await document('pull', home, 'pull', `file:${findDemoModel()}`, '--name', 'tiny');
  for (const name of ['list', 'models verify', 'models prune', 'saved list']) await document(name, home);
  await document('show', home, 'show', 'tiny');
  await document('cp', home, 'cp', 'tiny', 'copy');
  await document('rm', home, 'rm', 'copy');
  await document('saved rm', home, 'saved', 'rm', 'talk');
}

/** The lines that commands print for people. */
export async function sayings(scene: Scene): Promise<void> {
  const { lender, asker, bootstrap } = scene;
  assertSaid('serve', lender.log.map(({ msg }) => msg).join('\n'));
  const check = async (name: string, home: string, ...args: readonly string[]): Promise<void> => {
    const { stdout, stderr } = await scene.run(home, ...(args.length === 0 ? name.split(' ') : args));
    assertSaid(name, `${stdout}\n${stderr}`);
  };
  await Promise.all([
    (async () => {
      for (const name of ['status', 'clusters', 'peers', 'ps']) await check(name, lender.home);
      await check('prompt', asker.home, 'prompt', '--max-tokens', '4', QUESTION);
      await check('list', await scene.storeHome());
    })(),
    (async () => {
      await check('status without a node', scene.home('Nowhere'), 'status');
      const args = ['qmesh', 'ask', QUESTION, '--max-tokens', '4', '--bootstrap', bootstrap];
      await check('qmesh ask', scene.commands, ...args);
      assertSaid('scripts/run-poc.sh', await scene.program('bash', join('scripts', 'run-poc.sh')));
    })(),
  ]);
}

/** The output of commands that run until they are stopped: as lines, and as the first document with `--json`. */
export async function announcements(scene: Scene): Promise<Found> {
  const dht = ['--bootstrap', scene.bootstrap];
  const echo = ['--engine', 'echo'];
  const commands = [
    { name: 'qmesh worker', args: ['qmesh', 'worker', ...echo, ...dht], environment: { DEBUG: 'hyperswarm:*' } },
    { name: 'share', args: ['share', ...echo, ...dht] },
    { name: 'donate', args: ['donate', '--port', '0', ...echo] },
    { name: 'bootstrap', args: ['bootstrap', '--host', '127.0.0.1', '--port', '0'] },
  ];
  const found: Record<string, unknown> = {};
  const announce = async ({ name, args, environment }: (typeof commands)[number]): Promise<void> => {
    const [plain, json] = await Promise.all([
      scene.begin(`${name}, plain`, args, environment),
      scene.begin(`${name}, json`, [...args, '--json']),
    ]);
    await plain.until(() => hasSaid(name, `${plain.stdout}\n${plain.stderr}`) || undefined, 'what it says');
    const document = await json.until(() => /^(.+)\n/.exec(json.stdout)?.[1], 'its document');
    found[name] = documentPaths('announcements', name, JSON.parse(document));
    for (const program of [plain, json]) program.signal('SIGTERM');
    assert.deepEqual([await plain.ended(), await json.ended()], [0, 0], `${name}: ${plain.stderr}${json.stderr}`);
  };
  await Promise.all(commands.map(announce));
  return found;
}

/** The exit codes of commands. */
export async function exitCodes(scene: Scene): Promise<Found> {
  const nowhere = scene.home('Nowhere');
  const [done, failed, usage, notRunning, interrupted] = await Promise.all([
    scene.run(scene.asker.home, 'status'),
    scene.run(nowhere, 'rm', 'nothing'),
    scene.run(nowhere, 'statsu'),
    scene.run(nowhere, 'status'),
    interruptedPull(scene),
  ]);
  return { done: done.code, failed: failed.code, usage: usage.code, 'not running': notRunning.code, interrupted };
}

/** The exit code of a download from a server that never answers, after Ctrl-C. */
async function interruptedPull(scene: Scene): Promise<number | null> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const asked = once(server, 'request');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const registry = { SHOAL_OLLAMA_REGISTRY: `http://127.0.0.1:${port}` };
  const program = await scene.begin('Interrupted', ['pull', 'tiny:1b'], registry);
  await asked;
  program.signal('SIGINT');
  const code = await program.ended();
  server.closeAllConnections();
  server.close();
  return code;
}

/** Waits until the lender has answered once, and has reported its speed to the asker. */
async function untilMeasured(scene: Scene): Promise<void> {
  const { lender, asker } = scene;
  await scene.call(asker, 'POST', API_PATHS.prompt, PROMPT);
  for (let look = 0; look < LOOKS; look++) {
    const { text } = await scene.call(asker, 'GET', API_PATHS.peers);
    if (keyPaths(JSON.parse(text)).includes('peers[].tokensPerSecond')) return;
    await wait(LOOK_MS);
  }
  assert.fail(`${lender.name} did not report its speed.`);
}

async function batchFile(scene: Scene): Promise<string> {
  const path = join(scene.commands, 'questions.jsonl');
  const body = { messages: [{ role: 'user', content: QUESTION }], max_tokens: 4 };
  const line = { custom_id: 'one', method: 'POST', url: '/v1/chat/completions', body };
  await writeFile(path, `${JSON.stringify(line)}\n`);
  return path;
}

/** Key paths of JSON lines, prefixed with their type. */
function byType(text: string): readonly string[] {
  const lines = text
    .trim()
    .split('\n')
    .map((line): { readonly type: string } => JSON.parse(line));
  return [...new Set(lines.flatMap((line) => keyPaths(line).map((path) => `${line.type}: ${path}`)))].toSorted();
}

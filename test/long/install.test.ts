import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, realpath, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { homedir, tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { localDht } from '@shoal/transport/dht';
import type { LocalDht } from '@shoal/transport/dht';

/** The first installation downloads about a hundred packages. */
const INSTALL_MS = 900_000;

const checkout = join(import.meta.dirname, '../..');
const installScript = join(checkout, 'scripts/install.sh');
const skip = process.platform === 'linux' ? false : 'install.sh is for Linux';

/** Variables for access to the package registry. No other variable of this process is passed on. */
const NETWORK =
  /^(npm_config_(registry|cache|cafile)|(http|https|no)_proxy|SSL_CERT_FILE|SSL_CERT_DIR|NODE_EXTRA_CA_CERTS)$/i;

type Environment = Readonly<Record<string, string>>;

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

let folder: string;
let root: string;
let dht: LocalDht;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shoal-install-'));
  root = join(folder, '.opengateway-poc');
  dht = await localDht();
});

after(async () => {
  for (const name of ['NodeA', 'NodeB', 'NodeC', 'NodeD']) {
    if (existsSync(join(root, 'nodes', name))) await run([join(root, 'bin/shoal'), '--node', name, 'stop']);
  }
  await dht.close();
  await rm(folder, { recursive: true, force: true });
});

/** A clean home and the machine's own commands: only the machine's Node, if it has one. */
function cleanEnvironment(): Environment {
  const network = Object.entries(process.env).filter(([name]) => NETWORK.test(name));
  const npm = (process.env['PATH'] ?? '')
    .split(delimiter)
    .find((each) => !each.includes('node_modules') && existsSync(join(each, 'npm')));
  return {
    npm_config_cache: join(homedir(), '.npm'),
    npm_config_userconfig: join(homedir(), '.npmrc'),
    ...Object.fromEntries(network.map(([name, value]) => [name, value ?? ''])),
    HOME: folder,
    PATH: [...new Set(['/usr/local/bin', '/usr/bin', '/bin', ...(npm === undefined ? [] : [npm])])].join(delimiter),
    SHOAL_BOOTSTRAP: dht.bootstrap.join(','),
    SHOAL_PORT: '0',
  };
}

function start(command: readonly string[], environment: Environment = {}, detached = false): ChildProcess {
  const [program = '', ...args] = command;
  return spawn(program, args, { cwd: folder, env: { ...cleanEnvironment(), ...environment }, detached });
}

async function run(command: readonly string[], environment: Environment = {}, input = ''): Promise<Ran> {
  return finished(start(command, environment), input);
}

async function finished(child: ChildProcess, input = ''): Promise<Ran> {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  // A command that needs no input may exit before its input is written.
  child.stdin?.on('error', () => undefined).end(input);
  const [code] = await once(child, 'close');
  return { code: typeof code === 'number' ? code : null, stdout, stderr };
}

function install(name: string, environment: Environment = {}): Promise<Ran> {
  return run([installScript], { NODE_NAME: name, ...environment });
}

function shoal(name: string, ...args: readonly string[]): Promise<Ran> {
  return run([join(root, 'bin/shoal'), '--node', name, ...args]);
}

/** `ID ROLE` of each cluster that the node is in. */
async function clustersOf(name: string): Promise<readonly string[]> {
  const { clusters } = JSON.parse((await shoal(name, 'clusters', '--json')).stdout);
  return clusters.map(({ id, role }: { id: string; role: string }) => `${id} ${role}`).toSorted();
}

function nodeFile(name: string, file: string): string {
  return join(root, 'nodes', name, file);
}

/** A folder with links to only these commands of the machine. */
async function onlyCommands(...commands: readonly string[]): Promise<string> {
  const path = await mkdtemp(join(folder, 'path-'));
  for (const command of commands) {
    const found = ['/usr/bin', '/bin'].map((each) => join(each, command)).find((each) => existsSync(each));
    if (found !== undefined) await symlink(found, join(path, command));
  }
  return path;
}

const COMMANDS = (
  'basename bash cat chmod cp curl cut dirname env find flock git grep gzip ln ls mkdir mv readlink rm sed sh sha256sum ' +
  'sleep sort tail tar timeout touch uname'
).split(' ');

test('run-poc.sh prints the cluster and the checks of this machine, and does not start a node', { skip }, async () => {
  const ran = await run([join(checkout, 'scripts/run-poc.sh')], { POC_CLUSTER_ID: 'my-cluster' });
  assert.equal(ran.code, 0, ran.stderr);
  assert.match(ran.stdout, /^Cluster ID: my-cluster$/m);
  for (const check of ['curl', 'node', 'npm', 'python', 'exo', 'nvidia-smi']) {
    assert.match(ran.stdout, new RegExp(`^  ${check} `, 'm'));
  }
  assert.equal(existsSync(root), false);
});

test('--help explains and does nothing, also through a pipe', { skip }, async () => {
  const file = await run([installScript, '--help']);
  const piped = await run(['bash', '-s', '--', '--help'], {}, readFileSync(installScript, 'utf8'));
  for (const ran of [file, piped]) {
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stdout, /SHOAL_SOURCE/);
  }
  assert.equal(existsSync(root), false);
});

test('without curl the first step fails with advice', { skip }, async () => {
  const path = await onlyCommands(...COMMANDS.filter((command) => command !== 'curl'));
  const ran = await install('NodeA', { PATH: path });
  assert.equal(ran.code, 1);
  assert.equal(ran.stdout, '');
  assert.match(ran.stderr, /install\.sh: step 1 \(dependencies\) failed: curl is missing\. Remedy: install it/);
});

test('without Node, npm and a configured registry the advice lists all three solutions', { skip }, async () => {
  const ran = await install('NodeA', { PATH: await onlyCommands(...COMMANDS), npm_config_registry: '' });
  assert.equal(ran.code, 1);
  assert.match(ran.stderr, /step 1 \(dependencies\) failed: .*no npm registry is configured/);
  assert.match(ran.stderr, /Remedy: install Node 24 with npm; or set SHOAL_NODE .* npm_config_registry/);
});

test('a name that could leave the root, and a root that cannot be created, are refused', { skip }, async () => {
  const named = await install('../NodeA');
  assert.equal(named.code, 1);
  assert.match(
    named.stderr,
    /step 1 \(dependencies\) failed: "\.\.\/NodeA" cannot name a node\. Remedy: set NODE_NAME/,
  );

  await writeFile(join(folder, 'file'), '');
  const rooted = await install('NodeA', { OPENGATEWAY_POC_ROOT: join(folder, 'file/root') });
  assert.equal(rooted.code, 1);
  assert.match(rooted.stderr, /step 1 .* cannot be written\. Remedy: set OPENGATEWAY_POC_ROOT/);
});

test('a missing source fails the second step and leaves no partial installation', { skip }, async () => {
  const ran = await install('NodeA', { SHOAL_SOURCE: `file://${join(folder, 'nowhere.git')}` });
  assert.equal(ran.code, 1);
  assert.match(ran.stderr, /step 2 \(CLI\) failed: .* could not be cloned\. Remedy: check SHOAL_SOURCE/);
  assert.equal(existsSync(join(root, 'app')), false);
});

test('without a source and a published package the piped script explains what to set', { skip }, async () => {
  const environment = { npm_config_registry: 'http://127.0.0.1:1/', npm_config_fetch_retries: '0' };
  const ran = await run(['bash'], environment, readFileSync(installScript, 'utf8'));
  assert.equal(ran.code, 1);
  assert.match(ran.stderr, /npm knows no package "@shoal\/cli"\. Remedy: .* set SHOAL_SOURCE/);
});

test(
  'NodeA and NodeB stay, and NodeC prints the answer of one of them alone',
  { skip, timeout: INSTALL_MS },
  async () => {
    const nodeA = await install('NodeA', { POC_SERVE: '1' });
    assert.equal(nodeA.code, 0, nodeA.stderr);
    assert.equal(nodeA.stdout, '');
    for (const number of [1, 2, 3, 4, 5]) assert.match(nodeA.stderr, new RegExp(`^\\[${number}/5\\] `, 'm'));
    assert.match(nodeA.stderr, /python .*\(optional/);
    assert.match(nodeA.stderr, /\.local\/bin is not on your PATH/);
    assert.match(nodeA.stderr, /SmolLM-360M +yes/);

    // As documented: through a pipe, where the script has neither a file nor a checkout.
    const piped = { NODE_NAME: 'NodeB', POC_SERVE: '1', SHOAL_SOURCE: checkout };
    const nodeB = await run(['bash'], piped, readFileSync(installScript, 'utf8'));
    assert.equal(nodeB.code, 0, nodeB.stderr);
    assert.match(nodeB.stderr, /installed already/);

    const nodeC = await install('NodeC', { POC_PROMPT: 'What is 2+2?' });
    assert.equal(nodeC.code, 0, nodeC.stderr);
    assert.equal(nodeC.stdout, '4\n');
    assert.match(nodeC.stderr, /Node[AB] answered/);

    const states = await Promise.all(['NodeA', 'NodeB', 'NodeC'].map((name) => shoal(name, 'status', '--json')));
    assert.deepEqual(
      states.map(({ code }) => code),
      [0, 0, 3],
    );
    assert.equal(JSON.parse(await readFile(nodeFile('NodeC', 'state.json'), 'utf8')).nodePid, null);
  },
);

test('the commands are in the folder for the path, under three names', { skip, timeout: INSTALL_MS }, async () => {
  for (const command of ['shoal', 'opengateway', 'og']) {
    const ran = await run([join(folder, '.local/bin', command), 'status', '--json']);
    assert.equal(ran.code, 0, ran.stderr);
    assert.equal(JSON.parse(ran.stdout).name, 'NodeA', 'without --node it is the node that was installed first');
  }
  assert.deepEqual(Object.keys(JSON.parse(await readFile(nodeFile('NodeA', 'resources.json'), 'utf8'))), [
    'cpu_cores',
    'ram_gb',
    'gpu_vram_gb',
    'disk_gb',
  ]);
});

test('a second run keeps the configuration and the running node', { skip, timeout: INSTALL_MS }, async () => {
  const configured = `${JSON.stringify({ name: 'Ada', lend: true, port: 0 })}\n`;
  await writeFile(nodeFile('NodeA', 'config.json'), configured);
  const pid = await readFile(nodeFile('NodeA', 'node.pid'), 'utf8');

  const again = await install('NodeA', { POC_SERVE: '1', POC_CLUSTER_ID: 'another-cluster' });
  assert.equal(again.code, 0, again.stderr);
  assert.equal(await readFile(nodeFile('NodeA', 'config.json'), 'utf8'), configured);
  assert.equal(await readFile(nodeFile('NodeA', 'node.pid'), 'utf8'), pid);

  assert.deepEqual(await clustersOf('NodeA'), ['another-cluster lending', 'gatewayai-poc lending']);
});

test(
  'an upgrade joins nothing that nobody named, and keeps what was named',
  { skip, timeout: INSTALL_MS },
  async () => {
    assert.equal((await shoal('NodeA', 'disconnect', 'gatewayai-poc')).code, 0);
    await utimes(join(root, 'app/.installed'), new Date(), new Date(Date.now() + 1_000));
    const again = await install('NodeA');
    assert.equal(again.code, 0, again.stderr);
    assert.match(again.stderr, /Join no other cluster/);
    assert.deepEqual(await clustersOf('NodeA'), ['another-cluster lending']);

    // OpenGateway's name lends on a node that lends, and says so; ours only joins.
    const environment = { HOME: folder };
    const joined = await run([join(root, 'bin/opengateway'), '--node', 'NodeA', 'connect', 'third'], environment);
    assert.match(joined.stdout, /^Joined cluster third \(lending, .*\n.*answers the prompts of this cluster too/);
    await shoal('NodeA', 'connect', 'fourth');
    assert.deepEqual(await clustersOf('NodeA'), ['another-cluster lending', 'fourth using', 'third lending']);
    for (const id of ['third', 'fourth']) await shoal('NodeA', 'disconnect', id);
  },
);

test('a node of the previous version is restarted', { skip, timeout: INSTALL_MS }, async () => {
  const pid = await readFile(nodeFile('NodeB', 'node.pid'), 'utf8');
  const { mtime } = await stat(nodeFile('NodeB', 'node.pid'));
  const later = new Date(mtime.getTime() + 1_000);
  await utimes(join(root, 'app/.installed'), later, later);

  const again = await install('NodeB', { POC_SERVE: '1' });
  assert.equal(again.code, 0, again.stderr);
  assert.notEqual(await readFile(nodeFile('NodeB', 'node.pid'), 'utf8'), pid);
  await utimes(join(root, 'app/.installed'), mtime, mtime);
});

test(
  'Ctrl-C while a prompt waits ends with exit code 130 and leaves no node running',
  { skip, timeout: INSTALL_MS },
  async () => {
    const environment = { NODE_NAME: 'NodeD', POC_PROMPT: 'Hello', POC_CLUSTER_ID: 'nobody-is-here' };
    const child = start([installScript], environment, true);
    let output = '';
    child.stderr?.on('data', (text: Buffer) => {
      output += text.toString();
      // Signals the whole process group, as a terminal does.
      if (output.includes('Started NodeD') && child.pid !== undefined) process.kill(-child.pid, 'SIGINT');
    });
    const ran = await finished(child);
    assert.equal(ran.code, 130, ran.stderr);
    assert.equal(ran.stdout, '');
    assert.equal((await shoal('NodeD', 'status')).code, 3);
  },
);

test(
  'a machine without Node and npm gets its own, in a folder or from the registry',
  { skip, timeout: INSTALL_MS },
  async () => {
    const unpacked = dirname(dirname(await realpath(process.execPath)));
    const node = join(folder, 'unpacked');
    await mkdir(join(node, 'bin'), { recursive: true });
    await cp(join(unpacked, 'bin/node'), join(node, 'bin/node'));
    const npm = join(folder, 'package');
    await mkdir(join(npm, 'bin'), { recursive: true });
    // All packages are installed, so only its presence matters.
    await writeFile(join(npm, 'bin/npm-cli.js'), 'console.log("11.9.2");\n');
    await run(['tar', '-czf', 'npm-11.9.2.tgz', 'package']);
    const tarball = await readFile(join(folder, 'npm-11.9.2.tgz'));

    const registry = createServer((request, response) => {
      const urls = ['11.9.0', '11.9.2', '12.0.0'].map((version) => `${address}/npm/-/npm-${version}.tgz`);
      const versions = urls.map((url) => [url, { dist: { tarball: url } }]);
      if (request.url === '/npm') response.end(JSON.stringify({ name: 'npm', versions: Object.fromEntries(versions) }));
      else if (request.url === '/npm/-/npm-11.9.2.tgz') response.end(tarball);
      else response.writeHead(404).end();
    }).listen(0, '127.0.0.1');
    await once(registry, 'listening');
    const bound = registry.address();
    const address = `http://127.0.0.1:${typeof bound === 'object' && bound !== null ? bound.port : 0}`;

    try {
      const environment = { PATH: await onlyCommands(...COMMANDS), npm_config_registry: address, SHOAL_NODE: node };
      const ran = await install('NodeA', { ...environment, POC_SERVE: '1' });
      assert.equal(ran.code, 0, ran.stderr);
      assert.ok(existsSync(join(root, 'node/bin/node')));
      assert.ok(existsSync(join(root, 'npm/bin/npm-cli.js')));
      assert.equal((await shoal('NodeA', 'status')).code, 0);
    } finally {
      registry.close();
      registry.closeAllConnections();
    }
  },
);

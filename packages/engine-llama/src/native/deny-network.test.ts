import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { promisify } from 'node:util';

const skip =
  process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch)
    ? false
    : 'the network is denied on Linux only';

test('a process that denies itself the network connects to no listener and opens none', { skip }, async (context) => {
  const server = createServer((socket) => socket.destroy());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  context.after(() => server.close());
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const script = `
    import { connect, createServer } from 'node:net';
    import { createSocket } from 'node:dgram';
    import { once } from 'node:events';
    const { denyNetwork } = await import('${new URL('deny-network.ts', import.meta.url).href}');
    const codes = [String(denyNetwork())];
    const failure = async (emitter) => codes.push((await once(emitter, 'error'))[0].code);
    await failure(connect(${address.port}, '127.0.0.1'));
    await failure(connect(${address.port}, '::1'));
    await failure(createServer().listen(0));
    const datagrams = createSocket('udp4');
    datagrams.bind(0);
    await failure(datagrams);
    console.log(codes.join(' '));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script]);
  assert.equal(stdout.trim(), 'true EACCES EACCES EACCES EACCES');
});

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { writeApiAccess } from '@shoal/host/home/api-file';
import type { InferenceRequest } from '@shoal/protocol/request';
import { temporaryHome } from '../../../../packages/host/src/testing/temporary-home.ts';
import { promptNode } from './api-client.ts';

const REQUEST: InferenceRequest = { input: { type: 'text', text: 'Hi' }, sampling: {}, stop: [] };
const TEXT = { type: 'text', text: 'Once', count: 1 };

test('a node that dies during an answer is reported as a closed connection', async (t) => {
  const home = temporaryHome(t);
  const server = createServer((_request, response) => {
    response.write(`${JSON.stringify(TEXT)}\n`, () => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  await writeApiAccess(home, { port, pid: 1, token: 'ab'.repeat(32) });

  const answer = promptNode(home, { request: REQUEST }, new AbortController().signal);
  assert.deepEqual((await answer.next()).value, TEXT);
  await assert.rejects(answer.next(), {
    code: 'HOST_DISCONNECTED',
    message: 'The node (pid 1) closed the connection.',
  });
});

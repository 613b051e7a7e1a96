import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { ApiAccess } from '@shoal/host/home/api-file';
import { type ApiAnswer, type ApiRequest, checkErrorForm, type ErrorForm, send } from './harness/api-request.ts';
import { TestNetwork } from './harness/test-network.ts';

const PAGE = 'http://page.example';
const MESSAGES = [{ role: 'user', content: 'Hi' }];

const network = await TestNetwork.open();
after(() => network.close());

const lending = ['--lend', '--model', 'echo'] as const;
const open = await network.start('Local', ...lending, '--origin', PAGE);
const home = network.home('Everywhere');
const infer = await createToken('--name', 'infer', '--scope', 'infer');
const everywhere = await network.start('Everywhere', ...lending, '--host', '0.0.0.0');
const [localPort, everywherePort] = await Promise.all([open, everywhere].map((node) => portOf(node.home)));
assert.ok(localPort !== undefined && everywherePort !== undefined);
const answers: ApiAnswer[] = [];

type Headers = ApiRequest['headers'];
type Call = Pick<ApiRequest, 'path' | 'method' | 'body'> & { readonly form: ErrorForm };

/** A call of each API. */
const CALLS: readonly Call[] = [
  { form: 'openai', path: '/v1/chat/completions', body: JSON.stringify({ messages: MESSAGES }) },
  { form: 'openai', path: '/v1/responses', body: JSON.stringify({ input: 'Hi' }) },
  { form: 'anthropic', path: '/v1/messages', body: JSON.stringify({ max_tokens: 9, messages: MESSAGES }) },
  { form: 'ollama', path: '/api/chat', body: JSON.stringify({ model: 'echo', messages: MESSAGES, stream: false }) },
];
const MODELS: Call = { form: 'openai', path: '/v1/models', method: 'GET' };
const METRICS: Call = { form: 'shoal', path: '/metrics', method: 'GET' };
const STOP: Call = { form: 'shoal', path: '/shoal/v1/stop' };
const DELETE: Call = { form: 'ollama', path: '/api/delete', method: 'DELETE', body: '{"model":"nowhere"}' };

async function createToken(...flags: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await network.shoal(home, ['token', 'create', ...flags]);
  assert.equal(code, 0, stderr);
  return stdout.trim();
}

async function portOf(folder: string): Promise<number> {
  const { port }: ApiAccess = JSON.parse(await readFile(join(folder, 'api.json'), 'utf8'));
  return port;
}

/** Sends a call and checks the status, and the form of an error. */
async function answered(port: number, call: Call, status: number, headers: Headers = {}): Promise<ApiAnswer> {
  const answer = await send({ ...call, port, headers });
  answers.push(answer);
  assert.equal(answer.status, status, `${call.path} ${JSON.stringify(headers)}: ${answer.text}`);
  if (status >= 400) checkErrorForm(call.form, answer);
  return answer;
}

function bearer(token: string): Headers {
  return { authorization: `Bearer ${token}` };
}

test('programs of this machine need no token, and any key of theirs is accepted', async () => {
  for (const call of CALLS) {
    await answered(localPort, call, 200);
    await answered(localPort, call, 200, bearer('sk-local'));
    await answered(localPort, call, 200, { 'x-api-key': 'ollama' });
    await answered(localPort, call, 401, bearer('shoal_unknown'));
  }
  await answered(localPort, STOP, 401);
  await answered(localPort, DELETE, 401);
});

test('a foreign Host, a foreign page and a form of a foreign page are refused, and change nothing', async () => {
  const own = `127.0.0.1:${localPort}`;
  const foreign: readonly Headers[] = [
    { host: 'evil.example' },
    { host: `evil.example:${localPort}` },
    { host: `${own}.evil.example` },
    { origin: 'http://evil.example' },
    { origin: 'null' },
    { origin: `${PAGE}.evil.example` },
    { 'sec-fetch-site': 'cross-site' },
    {
      origin: 'http://evil.example',
      'content-type': 'application/x-www-form-urlencoded',
      'sec-fetch-site': 'cross-site',
    },
    { 'content-type': 'text/plain', 'sec-fetch-site': 'cross-site' },
  ];
  for (const headers of foreign) {
    for (const call of [...CALLS, MODELS, STOP, DELETE]) {
      const { headers: received } = await answered(localPort, call, 403, { ...bearer(infer), ...headers });
      assert.equal(received['access-control-allow-origin'], undefined);
    }
  }
  await answered(localPort, MODELS, 200, { origin: `http://${own}`, 'sec-fetch-site': 'same-origin' });
});

test('an accepted page asks before its call, without a token, and may read every answer', async () => {
  const ask = { origin: PAGE, 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-a, x-b' };
  const options = { ...STOP, method: 'OPTIONS' };
  const { headers } = await answered(localPort, options, 204, ask);
  assert.equal(headers['access-control-allow-origin'], PAGE);
  assert.equal(headers['access-control-allow-headers'], 'x-a, x-b');
  await answered(localPort, options, 403, { ...ask, origin: 'http://evil.example' });
  for (const call of CALLS) {
    const whole = await answered(localPort, call, 200, { origin: PAGE });
    const refused = await answered(localPort, call, 401, { origin: PAGE, ...bearer('shoal_unknown') });
    assert.equal(whole.headers['access-control-allow-origin'], PAGE);
    assert.equal(refused.headers['access-control-allow-origin'], PAGE);
    assert.match(whole.headers['access-control-expose-headers'] ?? '', /X-Shoal-Worker/);
  }
  const { token }: ApiAccess = JSON.parse(await readFile(join(open.home, 'api.json'), 'utf8'));
  const request = { input: { type: 'messages', messages: MESSAGES }, sampling: {}, stop: [] };
  const prompt: Call = { form: 'shoal', path: '/shoal/v1/prompt', body: JSON.stringify({ request }) };
  const lines = await answered(localPort, prompt, 200, { origin: PAGE, ...bearer(token) });
  assert.equal(lines.headers['access-control-allow-origin'], PAGE);
});

test('a node that other machines can reach does not start without a token', async () => {
  const { code, stderr } = await network.shoal(network.home('Refused'), ['serve', '--port', '0', '--host', '0.0.0.0']);
  assert.notEqual(code, 0);
  assert.match(stderr, /^shoal: Other machines can reach 0\.0\.0\.0, .*Make one first: shoal token create\n$/);
});

test('a node that other machines can reach answers nothing but health without a token', async () => {
  for (const call of [...CALLS, MODELS, METRICS, STOP, DELETE]) {
    await answered(everywherePort, call, 401);
    const { headers } = await answered(everywherePort, call, 401, bearer('sk-local'));
    assert.equal(headers['www-authenticate'], 'Bearer');
  }
  await answered(everywherePort, { ...METRICS, path: '/livez' }, 200);
  await answered(everywherePort, { ...METRICS, path: '/readyz' }, 200);
});

test('a token may do what its scopes allow, and nothing from the moment it is revoked', async () => {
  const read = await createToken('--name', 'read', '--scope', 'read');
  const admin = await createToken('--name', 'admin', '--scope', 'admin');
  for (const call of CALLS) {
    await answered(everywherePort, call, 200, bearer(infer));
    await answered(everywherePort, call, 200, { 'x-api-key': infer });
    await answered(everywherePort, call, 403, bearer(read));
    await answered(everywherePort, call, 200, bearer(admin));
  }
  await answered(everywherePort, MODELS, 403, bearer(infer));
  await answered(everywherePort, MODELS, 200, bearer(read));
  await answered(everywherePort, DELETE, 403, bearer(infer));
  await answered(everywherePort, DELETE, 404, bearer(admin));
  await answered(everywherePort, STOP, 403, bearer(read));
  assert.equal((await network.shoal(home, ['token', 'revoke', 'read'])).code, 0);
  await answered(everywherePort, MODELS, 401, bearer(read));
  checkNothingTells(read, admin);
});

test('a token with a rate is told when it may go on, in the form of each API', async () => {
  const slow = await createToken('--name', 'slow', '--rate', '1');
  await answered(everywherePort, MODELS, 200, bearer(slow));
  for (const call of [...CALLS, MODELS]) {
    const { headers } = await answered(everywherePort, call, 429, bearer(slow));
    const seconds = Number(headers['retry-after']);
    assert.ok(seconds >= 1 && seconds <= 60, headers['retry-after']);
  }
  checkNothingTells(slow);
});

test('no token is in an answer, the log or the metrics', async () => {
  const read = await createToken('--name', 'scraper', '--scope', 'read');
  await answered(everywherePort, METRICS, 200, bearer(read));
  checkNothingTells(read);
  const { token }: ApiAccess = JSON.parse(await readFile(join(everywhere.home, 'api.json'), 'utf8'));
  checkNothingTells(token, infer);
});

/** Checks all answers so far, and the logs of both nodes. */
function checkNothingTells(...secrets: readonly string[]): void {
  const told = [...answers.map((answer) => JSON.stringify(answer)), ...open.stderrLines, ...everywhere.stderrLines];
  for (const secret of secrets) assert.ok(!told.some((text) => text.includes(secret)));
}

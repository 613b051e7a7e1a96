import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { PeerView } from '@shoal/node/api';
import type { PromptAnswer } from '../../apps/cli/src/node/prompt-answer.ts';
import { type Ran, TestNetwork } from '../harness/test-network.ts';
import { FixtureNode, type Message, runPromptTool } from './fixture.ts';

const CLUSTER = 'gatewayai-poc';

const network = await TestNetwork.open();
after(() => network.close());

const theirs = new FixtureNode(network, 'Theirs', CLUSTER, '--model', 'their-model');
const [lender, asker] = await Promise.all([
  // One slot, so that answers keep the order of their prompts.
  network.start('Lender', '--lend', '--model', 'echo', '--slots', '1', '--cluster', CLUSTER),
  network.start('Asker', '--cluster', CLUSTER),
]);
const lenderKey = (await lender.status()).id;
const askerKey = (await asker.status()).id;

test('their node appears among the peers, with its name and models', async () => {
  await lender.sees('Asker', 'Theirs');
  await asker.sees('Lender', 'Theirs');

  const { stdout } = await asker.shoal(['peers', '--json', CLUSTER]);
  const { peers }: { peers: PeerView[] } = JSON.parse(stdout);
  const peer = peers.find(({ name }) => name === 'Theirs');
  assert.equal(peer?.dialect, 'opengateway');
  assert.deepEqual(peer.clusters, [CLUSTER]);
  assert.deepEqual(peer.models, [{ id: 'their-model' }]);
  assert.equal(peer.lends, undefined);
});

test('our node sends theirs a hello in their format', async () => {
  const hello = await theirs.receives('a hello', ({ type }, peer) => type === 'peer_hello' && peer === lenderKey);

  assert.equal(hello['node_name'], 'Lender');
  assert.deepEqual(hello['clusters'], [CLUSTER]);
  assert.deepEqual(hello['supported_models'], ['echo']);
});

test('their prompt is answered by our lending node, and our other node does not reply', async () => {
  await theirs.meets(askerKey);
  await theirs.meets(lenderKey);

  theirs.send({ type: 'inference_request', request_id: 'first', prompt: 'What is 2+2?' });

  const response = await theirs.receives('an answer', isResponseTo('first'));
  assert.deepEqual(response, {
    type: 'inference_response',
    request_id: 'first',
    response: 'What is 2+2?',
    model: 'echo',
  });
  // Our other node handles the request before the invalid bytes after it, which close the connection.
  theirs.write('no object\n', askerKey);
  await theirs.loses(askerKey);
  assert.deepEqual(theirs.responses(askerKey), []);
});

test('a request id of any JSON type is returned unchanged, and a request without one is answered without one', async () => {
  const ids = ['a text', '', 0, -1.5, true, false, ['a', 1], { nested: { id: null } }];
  for (const id of ids) {
    theirs.send({ type: 'inference_request', request_id: id, prompt: JSON.stringify(id) }, lenderKey);
  }
  theirs.send({ type: 'inference_request', prompt: 'no id' }, lenderKey);
  theirs.send({ type: 'inference_request', request_id: null, prompt: 'null is none' }, lenderKey);

  await theirs.receives('the last answer', (message) => message['response'] === 'null is none');
  const answers = theirs.responses(lenderKey).slice(-ids.length - 2);
  assert.deepEqual(
    answers.slice(0, -2).map(({ request_id: id, response }) => ({ id, response })),
    ids.map((id) => ({ id, response: JSON.stringify(id) })),
  );
  assert.ok(answers.slice(-2).every((answer) => !('request_id' in answer)));
});

test('a request without a prompt, and one for a missing model, get no reply', async () => {
  const before = theirs.responses(lenderKey).length;
  theirs.send({ type: 'inference_request', request_id: 'nothing to answer' }, lenderKey);
  theirs.write('\n \n', lenderKey);
  theirs.send(
    { type: 'inference_request', request_id: 'elsewhere', prompt: 'Hello?', model: 'no-such-model' },
    lenderKey,
  );
  theirs.send({ type: 'inference_request', request_id: 'here', prompt: 'Hello!', model: 'echo' }, lenderKey);

  await theirs.receives('an answer', isResponseTo('here'));

  assert.deepEqual(
    theirs
      .responses(lenderKey)
      .slice(before)
      .map(({ request_id: id }) => id),
    ['here'],
  );
});

test('a full node does not reply, and answers again once a slot is free', async () => {
  const busy = await network.startPaced('Busy', 'busy', 10);
  const key = (await busy.status()).id;
  const friend = new FixtureNode(network, 'Friend', 'busy');
  await friend.meets(key);

  friend.send({ type: 'inference_request', request_id: 1, prompt: 'ten words or so take a second at this pace' }, key);
  friend.send({ type: 'inference_request', request_id: 2, prompt: 'no room for this' }, key);
  await friend.receives('the first answer', isResponseTo(1));
  friend.send({ type: 'inference_request', request_id: 3, prompt: 'room again' }, key);
  await friend.receives('the third answer', isResponseTo(3));

  assert.deepEqual(
    friend.responses(key).map(({ request_id: id }) => id),
    [1, 3],
  );
});

test('their prompt tool, which sends no hello and uses only the padded topic, is answered by our lending node', async () => {
  const tool = runPromptTool(network, CLUSTER, 'What is 3+3?');

  assert.equal(await tool.ended(), 0, tool.stderr);
  assert.equal(tool.stdout, 'What is 3+3?\n');
  assert.match(tool.stderr, new RegExp(`^asked ${lenderKey}$`, 'm'));
});

test('their node answers our prompt if none of our nodes lends', async () => {
  const answering = new FixtureNode(network, 'Answering', 'only-theirs', '--model', 'their-model');
  await meetIn('only-theirs', answering, 'Answering');

  const { stdout } = await ask('only-theirs', 'Who are you?');

  const answer: PromptAnswer = JSON.parse(stdout);
  assert.equal(answer.response, 'Answering says: Who are you?');
  assert.equal(answer.worker, 'Answering');
  assert.equal(answer.model, 'their-model');
});

test('their early node, which sends no hello and no ids, answers our prompts if no other node does', async () => {
  const early = new FixtureNode(network, 'Early', 'early', '--early');
  assert.equal((await asker.shoal(['connect', 'early'])).code, 0);
  await early.meets(askerKey);

  for (const prompt of ['Who are you?', 'And now?']) {
    const { code, stdout } = await ask('early', prompt);
    assert.equal(code, 0, stdout);
    const answer: PromptAnswer = JSON.parse(stdout);
    assert.equal(answer.response, `Early says: ${prompt}`);
  }
});

test('after an [error] from one of their nodes, another one answers', async () => {
  const failing = new FixtureNode(network, 'Failing', 'half-broken', '--answer', '[error] out of paper');
  const slow = new FixtureNode(network, 'Slow', 'half-broken', '--silent');
  await meetIn('half-broken', failing, 'Failing');
  await meetIn('half-broken', slow, 'Slow');

  const asked = ask('half-broken', 'Are you well?');
  const isRequest = ({ type }: Message): boolean => type === 'inference_request';
  await failing.receives('a prompt', isRequest);
  const { request_id } = await slow.receives('a prompt', isRequest);
  slow.send({ type: 'inference_response', request_id, response: 'Quite well.' });

  const { code, stdout } = await asked;
  assert.equal(code, 0, stdout);
  const answer: PromptAnswer = JSON.parse(stdout);
  assert.equal(answer.response, 'Quite well.');
  assert.equal(answer.worker, 'Slow');
});

test('if all of them answer with [error], our prompt fails and prints no answer', async () => {
  const failing = new FixtureNode(network, 'Broken', 'all-broken', '--answer', '[error] out of paper');
  await meetIn('all-broken', failing, 'Broken');

  const { code, stdout } = await ask('all-broken', 'Are you well?');
  assert.equal(code, 1);
  assert.deepEqual(JSON.parse(stdout), { error: { code: 'GENERATION_FAILED', message: 'out of paper' } });

  const plain = await asker.shoal(['prompt', '--cluster', 'all-broken', 'Are you well?']);
  assert.deepEqual(plain, { code: 1, stdout: '', stderr: 'shoal: out of paper\n' });
});

function isResponseTo(id: unknown): (message: Message) => boolean {
  return (message) => message.type === 'inference_response' && message.request_id === id;
}

function ask(cluster: string, prompt: string): Promise<Ran> {
  return asker.shoal(['prompt', '--json', '--cluster', cluster, prompt]);
}

/** Joins our asking node to a cluster, and waits until it is connected to their node. */
async function meetIn(cluster: string, node: FixtureNode, name: string): Promise<void> {
  assert.equal((await asker.shoal(['connect', cluster])).code, 0);
  await node.meets(askerKey);
  await asker.waitForLog(new RegExp(`^Peers: .*${name}`));
}

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { TestNetwork } from '../harness/test-network.ts';
import { atTerminal, FixtureHost } from './fixture.ts';

const network = await TestNetwork.open();
after(() => network.close());

const SLOW = ['--answer', 'one two three four five six seven', '--words-per-second', '4'];
const home = network.home('asker');
const [ready, slow, busy, failing, crashing, silent] = await Promise.all([
  FixtureHost.open(network, '--name', 'Theirs', '--words-per-second', '100'),
  FixtureHost.open(network, ...SLOW),
  FixtureHost.open(network, '--busy'),
  FixtureHost.open(network, '--error', 'OLLAMA_MODEL_NOT_AVAILABLE'),
  FixtureHost.open(network, '--crash-after', '2', '--answer', 'one two three', '--words-per-second', '100'),
  FixtureHost.open(network, '--answer', ''),
]);

function chat({ serverId }: FixtureHost, ...args: readonly string[]): string[] {
  return ['chat', serverId, '--bootstrap', network.bootstrap, ...args];
}

test('their host answers one prompt, and each line of stdin in order', async () => {
  const one = await network.shoal(home, chat(ready, '--prompt', 'Hello there'));
  assert.deepEqual(one, {
    code: 0,
    stdout: 'You said: Hello there\n',
    stderr: 'Connected to Theirs · llama3.2 · ready\n',
  });
  const two = await network.shoal(home, chat(ready, '--json'), { input: 'a\n\nb' });
  assert.deepEqual([two.code, two.stderr], [0, '']);
  assert.deepEqual(
    two.stdout
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line)),
    [
      { response: 'You said: a', model: 'llama3.2', host: 'Theirs', finish_reason: 'stop', truncated: false },
      { response: 'You said: b', model: 'llama3.2', host: 'Theirs', finish_reason: 'stop', truncated: false },
    ],
  );
});

test('a failure is reported by its code with advice and sets the exit code; it is never printed as an answer', async () => {
  const refused = await network.shoal(home, chat(busy, '--prompt', 'Hi'));
  assert.deepEqual([refused.code, refused.stdout], [1, '']);
  assert.match(refused.stderr, /MODEL_BUSY: Host is processing another request\. .*ask again in a moment/);

  const failed = await network.shoal(home, chat(failing, '--json'), { input: 'Hi\n' });
  const { error } = JSON.parse(failed.stdout) as { error: unknown };
  assert.deepEqual(error, { code: 'OLLAMA_MODEL_NOT_AVAILABLE', message: 'As it was told to' });
  assert.equal(failed.code, 1);
});

test('an empty answer is reported, and is not a failure', async () => {
  const { code, stdout, stderr } = await network.shoal(home, chat(silent, '--prompt', 'Hi'));
  assert.deepEqual([code, stdout], [0, '']);
  assert.match(stderr, /^\(an empty answer\)$/m);
});

test('the loss of a host during an answer is HOST_DISCONNECTED, after the text that has arrived', async () => {
  const { code, stdout, stderr } = await network.shoal(home, chat(crashing), { input: 'Hi\nAnd then?\n' });
  assert.deepEqual([code, stdout], [1, 'one two\n']);
  assert.match(stderr, /^shoal: HOST_DISCONNECTED: .*Connect again/m);
});

test('a host that closes idle connections is connected to again without a word', async () => {
  const host = await FixtureHost.open(network, '--close-idle', '--name', 'Theirs', '--words-per-second', '100');
  const piped = await network.shoal(home, chat(host), { input: 'a\nb\n' });
  const stderr = 'Connected to Theirs · llama3.2 · ready\n';
  assert.deepEqual(piped, { code: 0, stdout: 'You said: a\nYou said: b\n', stderr });
  await host.loses(2);

  const terminal = atTerminal(network, home, chat(host));
  const shows = (text: string): Promise<unknown> =>
    terminal.until(() => terminal.stdout.includes(text) || undefined, `"${text}"`);
  await shows('> ');
  // The conversation is sent again with the second prompt.
  for (const [index, shown] of ['You said: c', 'Now I say:'].entries()) {
    terminal.write(`${'cd'.charAt(index)}\r`);
    await shows(shown);
    await host.loses(3 + index);
  }
  terminal.write('/quit\r');
  assert.equal(await terminal.ended(), 0, terminal.stdout);
  assert.doesNotMatch(terminal.stdout, /HOST_/);
});

test('a prompt that no host would accept is refused locally, and the next is answered', async () => {
  const { code, stdout, stderr } = await network.shoal(home, chat(ready), { input: `${'x'.repeat(8_193)}\nHi\n` });
  assert.deepEqual([code, stdout], [1, 'You said: Hi\n']);
  assert.match(stderr, /BAD_MESSAGE: .*too long: it has 8193 bytes of at most 8192/);
});

test('an invalid Server ID is refused before any connection is opened', async () => {
  const args = ['chat', 'not-an-id', '--prompt', 'Hi'];
  const { code, stdout } = await network.shoal(home, [...args, '--json']);
  const { error } = JSON.parse(stdout) as { error: { code: string } };
  assert.deepEqual([code, error.code], [1, 'INVALID_SERVER_ID']);
  const { stderr } = await network.shoal(home, args);
  assert.match(stderr, /INVALID_SERVER_ID: A Server ID is made of digits and letters without 0, O, I and l/);
});

test('Ctrl-C during an answer reaches the host as an abort, and ends with exit code 130', async () => {
  const asking = network.begin(home, chat(slow, '--prompt', 'Count'));
  await asking.until(() => asking.stdout.includes('one') || undefined, 'the first word');
  asking.signal('SIGINT');
  assert.equal(await asking.ended(), 130);
  assert.equal((await slow.receives('abort')).request_id, 'req-1');
});

test('at a terminal Ctrl-C stops the answer, and a second one ends the chat', async () => {
  const host = await FixtureHost.open(network, ...SLOW);
  const terminal = atTerminal(network, home, chat(host));
  const shows = (text: string): Promise<unknown> =>
    terminal.until(() => terminal.stdout.includes(text) || undefined, `"${text}"`);
  await shows('> ');
  terminal.write('Count\r');
  await shows('two');
  terminal.write('\u0003');
  await shows('(Stopped.)');
  await host.receives('abort');
  terminal.write('/clear\r');
  await shows('Cleared session context');
  terminal.write('/nonsense\r');
  await shows("Unknown command '/nonsense'");
  terminal.write('/save talk\r');
  await shows('not possible with a shared model');
  terminal.write('\u0003');
  assert.equal(await terminal.ended(), 0, terminal.stdout);
});

test('at a terminal the conversation is sent again with each message, until /clear', async () => {
  const host = await FixtureHost.open(network, '--answer', 'Hello, Ann!', '--words-per-second', '100');
  const terminal = atTerminal(network, home, chat(host));
  const answers = (number: number): Promise<unknown> =>
    terminal.until(() => terminal.stdout.split('Hello, Ann!').length > number || undefined, `answer ${number}`);
  await terminal.until(() => terminal.stdout.includes('> ') || undefined, 'the prompt');
  terminal.write('I am Ann.\r');
  await answers(1);
  terminal.write('Who am I?\r');
  await answers(2);
  terminal.write('/clear\r');
  await terminal.until(() => terminal.stdout.includes('Cleared') || undefined, 'the clearing');
  terminal.write('And now?\r');
  await answers(3);
  const second = 'Earlier in this conversation:\nI said: I am Ann.\nYou said: Hello, Ann!\n\nNow I say:\nWho am I?';
  for (const prompt of ['I am Ann.', second, 'And now?']) {
    await host.receives('chat_start', ({ payload }) => isDeepStrictEqual(payload, { prompt }));
  }
  terminal.write('/bye\r');
  assert.equal(await terminal.ended(), 0, terminal.stdout);
});

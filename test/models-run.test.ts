import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { findDemoModel } from '@shoal/host/engines';
import { addOllamaModel, openHub } from '../packages/models/src/testing/hub.ts';
import type { Program } from './harness/program.ts';
import { type Ran, TestNetwork } from './harness/test-network.ts';
import { atTerminal } from './localllm/fixture.ts';

const path = findDemoModel() ?? '';
const skip = path === '' ? 'the demo model is not part of this checkout' : false;
const CPU = ['--threads', '1', '--gpu-layers', '0'];

const network = await TestNetwork.open();
after(() => network.close());

/** Commands of one home that cannot see other programs' models. */
function scene(name: string, variables: NodeJS.ProcessEnv = {}) {
  const home = network.home(name);
  const environment = {
    SHOAL_HOME: home,
    HOME: network.home(`${name}-user`),
    HF_HOME: '',
    HF_HUB_CACHE: '',
    OLLAMA_MODELS: '',
    XDG_CACHE_HOME: '',
    ...variables,
  };
  const run = (args: readonly string[], input = ''): Promise<Ran> => network.shoal(home, args, { environment, input });
  return { home, environment, run };
}

test('only the answer is on stdout, and text from stdin precedes the prompt', { skip }, async () => {
  const { run } = scene('Asker');
  const [answered, piped, echoed, document] = await Promise.all([
    run(['run', path, ...CPU, '--temperature', '0', 'What is', '2+2?']),
    run(['run', path, ...CPU, '--temperature', '0'], 'What is 2+2?\n'),
    run(['run', 'echo', 'and', 'what is this?'], 'some text\n'),
    run(['run', path, ...CPU, '--temperature', '0', '--json', 'What is 2+2?']),
  ]);
  assert.deepEqual([answered.code, answered.stderr], [0, ''], answered.stderr);
  assert.match(answered.stdout, /^.*\b4\b.*\n$/);
  assert.deepEqual(piped, answered);
  assert.deepEqual(echoed, { code: 0, stdout: 'some text\nand what is this?\n', stderr: '' });
  const { response, model, worker, finish_reason: reason, usage } = JSON.parse(document.stdout);
  assert.deepEqual([`${response}\n`, model, worker, reason], [answered.stdout, 'shoal-demo', null, 'stop']);
  assert.ok(usage.prompt_tokens > 0 && usage.completion_tokens > 0);
});

test('without a model the demo model answers, with a note that it is a toy', { skip }, async () => {
  const { run } = scene('Nobody');
  const { code, stdout, stderr } = await run(['run', '--verbose', ...CPU], 'What is 2+2?');
  assert.equal(code, 0, stderr);
  assert.match(stdout, /\b4\b/);
  assert.match(stderr, /toy/);
  assert.match(stderr, /^load +\d.*\nprompt +\d+ tokens.*\nanswer +\d+ token.*\ntotal +\d/m);
});

test('a missing model is pulled first, under its name', { skip }, async (t) => {
  const hub = await openHub(t);
  addOllamaModel(hub, 'library/tiny', '1b', readFileSync(path));
  const { run } = scene('Puller', { SHOAL_OLLAMA_REGISTRY: hub.url.href });
  const first = await run(['run', 'tiny:1b', ...CPU, '--temperature', '0', 'What is 2+2?']);
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stderr, /^There is no model "tiny:1b" here: pulling it\.\nLooking for tiny:1b …\n/);
  assert.match(first.stdout, /^.*\b4\b.*\n$/);
  const sent = hub.requests.length;
  assert.deepEqual(await run(['run', 'tiny:1b', ...CPU, '--temperature', '0', 'What is 2+2?']), {
    ...first,
    stderr: '',
  });
  assert.equal(hub.requests.length, sent);
  const unknown = await run(['run', 'nothing:1b', 'Hi', '--json']);
  assert.deepEqual([unknown.code, JSON.parse(unknown.stdout).error.code], [1, 'MODEL_NOT_FOUND']);
});

test('wrong usage ends with exit code 2, and an unreadable file is named', { skip }, async () => {
  const { run, home } = scene('Wrong');
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, 'list.json'), '[]');
  const wrong: readonly (readonly [args: readonly string[], error: RegExp])[] = [
    [['run', path, '   '], /There is no prompt/],
    [['run', join(home, 'none.gguf'), 'Hi'], /There is no model file .*none\.gguf/],
    [['run', path, 'Hi', '--format', join(home, 'none.json')], /--format.*none\.json/],
    [['run', path, 'Hi', '--format', join(home, 'list.json')], /JSON Schema/],
    [['run', path, 'Hi', '--temperature', 'hot'], /--temperature/],
    [['run', 'What is 2+2?', 'Hi'], /Give the model first/],
    [['run', path, 'Hi', '--context-length', 'long'], /--context-length/],
  ];
  const results = await Promise.all(wrong.map(([args]) => run(args)));
  for (const [index, { code, stderr }] of results.entries()) {
    assert.match(stderr, wrong[index]?.[1] ?? /never/);
    assert.equal(code, 2, stderr);
  }
});

test('Ctrl-C during an answer ends with exit code 130, and no process is left', { skip }, async () => {
  const { home, environment } = scene('Interrupted');
  const asking = network.begin(home, ['run', path, ...CPU, 'Count to 100.'], environment);
  asking.endInput();
  await asking.until(() => asking.stdout.includes('2') || undefined, 'the first numbers');
  asking.signal('SIGINT');
  assert.equal(await asking.ended(), 130, asking.stderr);
});

test('show predicts the memory of a model and prints the measured value', { skip }, async () => {
  const { run, home } = scene('Shown');
  const memory = async (...flags: readonly string[]): Promise<readonly unknown[]> => {
    const shown = JSON.parse((await run(['show', path, '--json', ...flags])).stdout);
    return [shown.memory.slots, shown.memory.context_length];
  };
  assert.deepEqual(await memory(), [4, 1_024]);
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, 'config.json'), JSON.stringify({ slots: 2, contextLength: 512 }));
  assert.deepEqual(await memory(), [2, 512]);
  assert.deepEqual(await memory('--slots', '3', '--context-length', '256'), [3, 256]);
  assert.doesNotMatch((await run(['show', path])).stdout, /^Measured/m);
  assert.equal((await run(['run', path, ...CPU, 'Hi'])).code, 0);
  const { measured_memory: measured } = JSON.parse((await run(['show', path, '--json'])).stdout);
  assert.deepEqual([measured.slots, measured.context_length], [1, 512]);
  assert.ok(measured.bytes > 0);
  assert.match((await run(['show', path])).stdout, /^Measured +\d.* with 512 tokens of context in 1 slot$/m);
});

test('a running node that lends the model answers, and ps lists its loaded models', { skip }, async () => {
  const { run, home } = scene('Lender');
  const models = join(home, 'model.gguf');
  mkdirSync(home, { recursive: true });
  copyFileSync(path, models);
  const before = await run(['ps', '--json']);
  assert.deepEqual([before.code, JSON.parse(before.stdout).error.code], [3, 'HOST_OFFLINE']);
  const lender = await network.start('Lender', '--lend', ...CPU, '--model', models, '--cluster', 'run');
  const [asked, unnamed] = await Promise.all([
    run(['run', 'model', '--json', '--temperature', '0', 'What is 2+2?']),
    run(['run', '--json', '--temperature', '0'], 'What is 2+2?'),
  ]);
  assert.deepEqual([asked.code, JSON.parse(asked.stdout).worker], [0, 'Lender'], asked.stderr);
  assert.equal(JSON.parse(unnamed.stdout).worker, 'Lender');
  const { models: loaded } = JSON.parse((await run(['ps', '--json'])).stdout);
  assert.deepEqual(
    loaded.map(({ id, active }: { id: string; active: number }) => [id, active]),
    [['model', 0]],
  );
  assert.match(
    (await run(['ps'])).stdout,
    /^NAME +DIGEST +SIZE +PROCESSOR +CONTEXT +ACTIVE +UNTIL\nmodel +[0-9a-f]{12} /,
  );
  const here = await run(['run', models, ...CPU, '--json', '--temperature', '0', 'What is 2+2?']);
  assert.equal(JSON.parse(here.stdout).worker, null);
  await lender.stop();
});

test('ps reports that an engine cannot list its models, and that a node without lending has none', async () => {
  const { run } = scene('Echo');
  const echo = await network.start('Echo', '--lend', '--engine', 'echo');
  const cannot = await run(['ps']);
  assert.deepEqual([cannot.code, cannot.stdout], [1, '']);
  assert.match(cannot.stderr, /engine.*echo.*does not report/);
  await echo.stop();
  const asking = scene('Asking');
  const node = await network.start('Asking');
  assert.match((await asking.run(['ps'])).stdout, /^nothing: this node does not lend/);
  assert.deepEqual(JSON.parse((await asking.run(['ps', '--json'])).stdout), { models: [] });
  await node.stop();
});

test('a conversation at a terminal can be stopped, saved and continued', { skip }, async () => {
  const { home } = scene('Terminal');
  const terminal = atTerminal(network, home, ['run', path, ...CPU, '--temperature', '0']);
  const { type, shows } = keyboard(terminal);
  await shows('Send a message (/? for help)');
  await type('What is 2+2?', /\b4\b[^]*>>> /);
  await type('/nonsense', /Unknown command '\/nonsense'/);
  await type('/sho info', /Did you mean \/show\?/);
  await type('/show info', /Architecture +llama/);
  await type('/set parameter temperature 0.5', /Set parameter 'temperature' to '0\.5'/);
  await type('/set parameter num_ctx 256', /loaded again/);
  await type('"""Hello', /\.\.\. /);
  await type('there"""', />>> /);
  await type('Count to 100.', /1, 2, 3/);
  terminal.write('\u0003');
  await shows('>>> ');
  terminal.write('\u0003');
  await shows('Use Ctrl + d or /bye to exit.');
  await type('/save talk', /Saved this conversation as 'talk'/);
  terminal.write('\u0004');
  assert.equal(await terminal.ended(), 0, terminal.stdout);

  const again = atTerminal(network, home, ['run', 'talk', ...CPU]);
  const { type: typeAgain, shows: showsAgain } = keyboard(again);
  await showsAgain('>>> ');
  await typeAgain('/show parameters', /temperature +0\.5/);
  again.write('\u001b[A\u001b[A\u001b[A');
  await showsAgain('Count to 100.');
  again.write('\u0015');
  await typeAgain('/bye', /\/bye/);
  assert.equal(await again.ended(), 0, again.stdout);
  if (process.platform !== 'win32') {
    for (const file of ['run-history.json', 'conversations/talk.json']) {
      assert.equal(statSync(join(home, file)).mode & 0o777, 0o600, file);
    }
  }
});

test('saved conversations are listed and removed', { skip }, async () => {
  const { run } = scene('Terminal');
  const { conversations } = JSON.parse((await run(['saved', 'list', '--json'])).stdout);
  assert.deepEqual(
    conversations.map(({ name, model }: { name: string; model: string }) => [name, model]),
    [['talk', path]],
  );
  assert.match((await run(['saved', 'rm', 'talk'])).stdout, /^Removed talk/);
  assert.equal((await run(['saved', 'rm', 'talk'])).code, 1);
  assert.match((await run(['saved', 'list'])).stdout, /^none yet/);
});

/** Types lines, and waits for the output after each. */
function keyboard(terminal: Program) {
  let seen = 0;
  const shows = async (text: string | RegExp): Promise<void> => {
    const found = await terminal.until(() => {
      const match =
        typeof text === 'string' ? terminal.stdout.indexOf(text, seen) : search(terminal.stdout, text, seen);
      return match === -1 ? undefined : match;
    }, String(text));
    seen = found + 1;
  };
  return {
    shows,
    type: async (line: string, answer: RegExp): Promise<void> => {
      seen = terminal.stdout.length;
      terminal.write(`${line}\r`);
      await shows(answer);
    },
  };
}

function search(text: string, pattern: RegExp, from: number): number {
  const index = text.slice(from).search(pattern);
  return index === -1 ? -1 : from + index;
}

import assert from 'node:assert/strict';
import { after, suite, test, type TestContext } from 'node:test';
import { TestNetwork } from '../harness/test-network.ts';
import { atTerminal } from '../localllm/fixture.ts';
import type { Program } from '../harness/program.ts';
import { EndlessModel, FIRST_WORD, LAST_WORD } from '../terminal/endless-model.ts';
import { CTRL_C, CTRL_D, NODES } from '../terminal/terminal.ts';

const PROMPT = '>>> ';
const QUESTION = 'How are you?\r';

const network = await TestNetwork.open();
after(() => network.close());
const bootstrap = ['--bootstrap', network.bootstrap];

for (const { name, node, skip } of NODES) {
  suite(`Ctrl-C in the middle of an answer under ${name}`, { skip }, () => {
    test('run stops the answer and asks for the next line', async (t) => {
      const { model, home } = await scene(t, `run under ${name}`);
      const terminal = atTerminal(network, home, ['run'], node);
      await stopsAnswer(terminal, model);
      terminal.write(CTRL_D);
      assert.equal(await terminal.ended(), 0, terminal.stdout);
    });

    test('chat stops the answer and asks for the next line', async (t) => {
      const { model, home } = await scene(t, `share under ${name}`);
      const host = network.begin(home, ['share', ...bootstrap, '--json']);
      const id = await host.until(() => /"server_id":"([^"]+)"/.exec(host.stdout)?.[1], 'its Server ID');
      const terminal = atTerminal(network, network.home(`chat under ${name}`), ['chat', id, ...bootstrap], node);
      await stopsAnswer(terminal, model);
      terminal.write(CTRL_D);
      assert.equal(await terminal.ended(), 0, terminal.stdout);
      await host.kill();
    });

    test('serve completes the answer of a peer, and then ends', async (t) => {
      const { model, home } = await scene(t, `serve under ${name}`);
      const cluster = ['--cluster', `serve under ${name}`];
      const asker = await network.start(`asker under ${name}`, ...cluster);
      const serve = ['serve', '--lend', '--port', '0', '--name', 'lender', ...bootstrap, ...cluster];
      const terminal = atTerminal(network, home, serve, node);
      await shows(terminal, 'API on');
      await asker.sees('lender');
      const prompt = network.begin(asker.home, ['prompt', 'How are you?']);
      await shows(prompt, FIRST_WORD);
      terminal.write(CTRL_C);
      await shows(terminal, 'SIGINT: ending after running answers are complete');
      assert.equal(terminal.exitCode, undefined);
      model.end();
      assert.equal(await prompt.ended(), 0, prompt.stderr);
      assert.equal(prompt.stdout, `${FIRST_WORD} ${LAST_WORD}\n`);
      assert.equal(await terminal.ended(), 0, terminal.stdout);
      await asker.stop();
    });
  });
}

async function scene(t: TestContext, name: string): Promise<{ readonly model: EndlessModel; readonly home: string }> {
  const model = await EndlessModel.start(t);
  const home = network.home(name);
  model.configure(home);
  return { model, home };
}

/** Asks at a terminal, and stops the answer with Ctrl-C. */
async function stopsAnswer(terminal: Program, model: EndlessModel): Promise<void> {
  await shows(terminal, PROMPT);
  terminal.write(QUESTION);
  await shows(terminal, FIRST_WORD);
  terminal.write(CTRL_C);
  await model.isLeft();
  await terminal.until(
    () => terminal.stdout.slice(terminal.stdout.indexOf(FIRST_WORD)).includes(PROMPT) || undefined,
    'the next prompt',
  );
  assert.equal(terminal.exitCode, undefined);
}

async function shows(program: Program, text: string): Promise<void> {
  await program.until(() => program.stdout.includes(text) || undefined, `"${text}"`);
}

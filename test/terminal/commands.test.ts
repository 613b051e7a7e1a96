import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { Shoal, temporaryFolder } from '../../apps/cli/src/testing/run-shoal.ts';
import { TestNetwork } from '../harness/test-network.ts';
import { CTRL_C, CTRL_D, inTerminal, NODES } from './terminal.ts';

const PROMPT = '>>> ';
const QUESTION = 'What is 2+2?\r';
/** The demo model's answer. */
const ANSWER = '\n4';

const network = await TestNetwork.open();
after(() => network.close());
const environment = { SHOAL_BOOTSTRAP: network.bootstrap };

for (const { name, node, skip } of NODES) {
  suite(`at a terminal under ${name}`, { skip }, () => {
    test('run answers, says once at Ctrl-C how to leave, and ends at the end of the input', async (t) => {
      const shoal = new Shoal(temporaryFolder(t), environment);
      const steps = [
        [PROMPT, QUESTION],
        [ANSWER, ''],
        [PROMPT, CTRL_C],
        ['/bye to exit.', ''],
        [PROMPT, CTRL_D],
      ] as const;
      const { code, output } = await inTerminal(shoal, node, steps, ['run', 'demo']);
      assert.equal(output.split('Use Ctrl + d or /bye to exit.').length, 2, output);
      assert.equal(code, 0, output);
    });

    test('chat answers, and Ctrl-C leaves it', async (t) => {
      const host = network.begin(network.home(`host of ${name}`), ['share', '--model', 'demo', '--json'], environment);
      const id = await host.until(() => /"server_id":"([^"]+)"/.exec(host.stdout)?.[1], 'its Server ID');
      const shoal = new Shoal(temporaryFolder(t), environment);
      const steps = [
        [PROMPT, QUESTION],
        [ANSWER, ''],
        [PROMPT, CTRL_C],
      ] as const;
      const { code, output } = await inTerminal(shoal, node, steps, ['chat', id]);
      assert.match(output, /Connected to /);
      assert.equal(code, 0, output);
      await host.kill();
    });

    test('serve ends at Ctrl-C, and its node with it', async (t) => {
      const shoal = new Shoal(temporaryFolder(t), environment);
      const { code, output } = await inTerminal(shoal, node, [['API on', CTRL_C]], ['serve', '--cluster', 'friends']);
      assert.equal(code, 0, output);
      const { code: status } = await shoal.run(['status']);
      assert.equal(status, 3);
    });
  });
}

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { TestNetwork } from '../harness/test-network.ts';
import { AGENTS, NOTE, startAgent } from '../sdks/agents.ts';
import { installed } from '../sdks/matrix.ts';
import { failuresOf, faultsOf, killBusy, startWithWorkers } from '../sdks/node-for-sdks.ts';
import { GREETING, numbers, TOOL_REPORT } from '../sdks/script.ts';

/** Slow enough that a worker can be killed during the answer, fast enough that a test ends soon. */
const WORDS_PER_SECOND = 60;
/** Longer than the window of 32,768 tokens, and short enough for one argument of a command. */
const TOO_LONG = 'word '.repeat(25_000);

const network = await TestNetwork.open();
after(() => network.close());
const shoal = await startWithWorkers(network, 'Node', WORDS_PER_SECOND);
after(() => shoal.proxy.close());

for (const agent of AGENTS) {
  const folder = installed('agents', agent.name);
  const skip = folder === undefined && `${agent.name} is not installed: .ci/install-agents`;
  const start = (prompt: string) => startAgent(network, agent, folder ?? '', shoal.proxy.baseUrl, prompt);

  test(`${agent.name} prints the answer to a prompt`, { skip }, async () => {
    const program = start('Say hello.');
    assert.equal(await program.ended(), 0, program.stderr);
    assert.ok(program.stdout.includes(GREETING), program.stdout);
    assert.deepEqual(faultsOf(shoal.proxy), []);
  });

  test(`${agent.name} runs the tool that the model calls, and sends its result`, { skip }, async () => {
    const program = start(`script: run cat ${NOTE.name}`);
    assert.equal(await program.ended(), 0, program.stderr);
    const [, report = ''] = program.stdout.split(TOOL_REPORT);
    assert.ok(report.includes(NOTE.text), program.stdout);
    assert.deepEqual(faultsOf(shoal.proxy), []);
  });

  test(`${agent.name} gets the whole answer of a worker that is killed in its middle`, { skip }, async () => {
    const program = start('script: count to 120');
    const killed = await killBusy(shoal, '20 ');
    try {
      assert.equal(await program.ended(), 0, program.stderr);
      assert.ok(program.stdout.includes(numbers(120)), program.stdout);
      assert.deepEqual(failuresOf(shoal.proxy), []);
      assert.deepEqual(faultsOf(shoal.proxy), []);
    } finally {
      await shoal.replace(killed);
    }
  });

  test(`${agent.name} says that a prompt is longer than the window`, { skip }, async () => {
    const program = start(TOO_LONG);
    await program.ended();
    assert.match(`${program.stdout}\n${program.stderr}`, agent.overflow);
    assert.deepEqual(faultsOf(shoal.proxy), []);
  });
}

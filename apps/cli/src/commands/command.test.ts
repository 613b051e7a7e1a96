import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createProgram } from '../program.ts';

const WRONG: readonly (readonly [line: string, message: RegExp])[] = [
  ['donate --port 70000', /--port.*a port from 0 to 65535/],
  ['donate --queue 0', /--queue.*a whole number from 1/],
  ['donate --host=', /--host.*not be empty/],
  ['donate --folder=', /--folder.*not be empty/],
  ['bootstrap --port 70000', /--port.*a port from 0 to 65535/],
  ['qmesh worker --capacity 0', /--capacity.*a whole number from 1/],
  ['qmesh worker --topic=', /--topic.*not be empty/],
  ['qmesh ask Hi --topic=', /--topic.*not be empty/],
  ['qmesh ask Hi --timeout 0', /--timeout.*more than 0/],
  ['qmesh ask Hi --max-tokens 0', /--max-tokens.*a whole number from 1/],
  ['run Hi --max-tokens 0', /--max-tokens.*a whole number from 1/],
  ['push --to host --prompt Hi --max-tokens 0', /--max-tokens.*a whole number from 1/],
  ['push --to host --prompt=', /--prompt.*not be empty/],
  ['batch in.jsonl --concurrency 0', /--concurrency.*a whole number from 1/],
];

suite('the error for a wrong flag comes before the command runs', () => {
  for (const [line, message] of WRONG) {
    test(line, async () => {
      const program = createProgram({ quiet: true, finish: () => assert.fail('it ran') });
      await assert.rejects(program.parseAsync(line.split(' '), { from: 'user' }), {
        code: 'commander.invalidArgument',
        message,
      });
    });
  }
});

test('a bootstrap host that is not an IPv4 address is wrong usage too', async () => {
  const program = createProgram({ quiet: true, finish: () => assert.fail('it ran') });
  const args = ['bootstrap', '--host', 'localhost'];
  await assert.rejects(program.parseAsync(args, { from: 'user' }), { exitCode: 2, message: /--host.*IPv4/ });
});

test('the help of QMesh and Donate shows defaults', () => {
  const program = createProgram({ quiet: true, finish: () => undefined });
  const help = (...names: readonly string[]): string =>
    names
      .reduce((command, name) => command.commands.find((one) => one.name() === name) ?? assert.fail(name), program)
      .helpInformation()
      .replace(/\s+/g, ' ');
  assert.match(help('qmesh', 'worker'), /default: at most 2048.*default: 10/);
  assert.match(help('qmesh', 'ask'), /default: 200.*default: 0\.7.*default: 60/);
  assert.match(help('donate'), /default: cache\/donate of the home/);
  assert.match(help('push'), /without --prompt and --ids, only check that the node can run it/);
});

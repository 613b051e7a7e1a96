import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { createProgram } from '../program.ts';
import { Shoal, temporaryFolder } from '../testing/run-shoal.ts';
import { didYouMean } from './did-you-mean.ts';
import { GROUPS } from './groups.ts';

const TERMINAL_COLUMNS = 80;

test('the help lists each command in a group, with one line that fits a terminal', () => {
  const program = createProgram({ quiet: true, finish: () => undefined });
  const grouped = Object.values(GROUPS).flat();
  const listed = program.createHelp().visibleCommands(program);
  const alone = listed.map((command) => command.name()).filter((name) => !grouped.includes(name));
  assert.deepEqual(alone, []);
  const help = program.helpInformation();
  const headings = Object.keys(GROUPS);
  assert.deepEqual(
    [...help.matchAll(/^[A-Z].*:$/gm)].map(([heading]) => heading),
    ['Options:', ...headings],
  );
  const commandLines = help.slice(help.indexOf(headings[0] ?? '')).split('\n');
  for (const line of commandLines) {
    assert.ok(line.length <= TERMINAL_COLUMNS, line);
    assert.match(line, /^$|^[A-Z].*:$|^ {2}[a-z]+ +\S/);
  }
});

test('a word that a name starts with is suggested before one that differs in a letter', () => {
  const names = ['start', 'stop', 'status', 'serve'];
  assert.equal(didYouMean('stat', names), ' Did you mean status?');
  assert.equal(didYouMean('st', names), ' Did you mean start, stop or status?');
  assert.equal(didYouMean('sttart', names), ' Did you mean start?');
  assert.equal(didYouMean('--', ['--json']), '');
  assert.equal(didYouMean('nonsense', names), '');
});

test('every usage error starts with "shoal: ", and the help of an unknown command is one', async (t) => {
  const shoal = new Shoal(join(temporaryFolder(t), 'home'));
  const expected: readonly (readonly [line: string, error: string])[] = [
    ['stat', `shoal: unknown command 'stat'. Did you mean status?\n`],
    ['help stat', `shoal: unknown command 'stat'. Did you mean status?\n`],
    ['help nosuch', `shoal: unknown command 'nosuch'. See "shoal --help".\n`],
    ['engine lis', `shoal: unknown command 'lis'. Did you mean list?\n`],
    ['prompt Hi --modl x', `shoal: unknown option '--modl'. Did you mean --model?\n`],
    ['connect', `shoal: missing required argument 'cluster'. See "shoal connect --help".\n`],
  ];
  for (const [line, stderr] of expected) {
    assert.deepEqual(await shoal.run(line.split(' ')), { code: 2, stdout: '', stderr }, line);
  }
  const missing = await shoal.run(['engine']);
  assert.match(missing.stderr, /shoal: a command is missing\. See "shoal engine --help"\.\n$/);
  const [flag, command, child] = await Promise.all(
    [['-v'], ['help', 'engine', 'add'], ['engine', 'add', '--help']].map((args) => shoal.run(args)),
  );
  assert.match(flag?.stdout ?? '', /^\d+\.\d+\.\d+\n$/);
  assert.equal(command?.code, 0);
  assert.equal(command?.stdout, child?.stdout);
});

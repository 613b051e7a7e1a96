import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { findDemoModel } from '@shoal/host/engines';
import { LAUNCHER } from '../node/launcher.ts';
import { createProgram } from '../program.ts';
import { Shoal, temporaryFolder } from '../testing/run-shoal.ts';
import { candidates } from './candidates.ts';
import { SCRIPTS } from './scripts.ts';

const NAMES = { models: async () => ['llama3.2:1b', 'tiny'], clusters: async () => ['gatewayai-poc'] };
const program = createProgram({ quiet: true, finish: () => assert.fail('it ran') });

async function wordsAfter(line: string): Promise<string[]> {
  const found = await candidates(program, line.split(' '), NAMES);
  return found.map(({ word }) => word);
}

test('commands, subcommands, flags, their values and names are completed', async () => {
  const lines: readonly (readonly [line: string, words: readonly string[]])[] = [
    ['sta', ['start', 'status']],
    ['__', []],
    ['engine ', ['list', 'build', 'measure', 'add', 'remove', 'help']],
    ['engine add ', ['cuda', 'vulkan']],
    ['status --j', ['--json']],
    ['--node x stat', ['status']],
    ['engine build --gpu v', ['vulkan']],
    ['run ll', ['llama3.2:1b']],
    ['rm tiny l', ['llama3.2:1b']],
    ['run tiny Hel', []],
    ['serve --model t', ['tiny']],
    ['prompt --cluster ', ['gatewayai-poc']],
    ['disconnect ', ['gatewayai-poc']],
    ['help stat', ['status']],
    ['completion ', ['bash', 'zsh', 'fish']],
    ['chat ', []],
  ];
  for (const [line, words] of lines) assert.deepEqual((await wordsAfter(line)).toSorted(), words.toSorted(), line);
  assert.ok((await wordsAfter('')).includes('start'));
  assert.ok((await wordsAfter('serve --')).includes('--lend'));
});

test('every visible command of every group is completed', async () => {
  for (const command of program.createHelp().visibleCommands(program)) {
    assert.ok((await wordsAfter(command.name().slice(0, 2))).includes(command.name()), command.name());
  }
});

const skip = missing('bash') ?? (findDemoModel() === undefined ? 'the demo model is not here' : false);

test('the script for bash completes in bash, with colons in names', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  const shoal = new Shoal(join(folder, 'home'), { HOME: folder });
  writeFileSync(join(folder, 'shoal'), `#!/bin/sh\nexec "${process.execPath}" "${LAUNCHER}" "$@"\n`, { mode: 0o755 });
  assert.equal((await shoal.run(['pull', findDemoModel() ?? '', '--name', 'tiny:1b'])).code, 0);
  const complete = (line: string): string[] => {
    const script = `source <(shoal completion bash)
      COMP_LINE=$1 COMP_POINT=\${#1} COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'
      _shoal; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const env = { ...shoal.environment, PATH: `${folder}:${process.env['PATH']}` };
    const { stdout, stderr } = spawnSync('bash', ['-c', script, 'bash', line], { encoding: 'utf8', env });
    assert.equal(stderr, '');
    return stdout.split('\n').filter((word) => word !== '');
  };
  assert.deepEqual(complete('shoal stat'), ['status']);
  assert.deepEqual(complete('shoal engine add '), ['cuda', 'vulkan']);
  assert.deepEqual(complete('shoal qmesh ask --max'), ['--max-tokens']);
  assert.deepEqual(complete('shoal show tiny:'), ['1b']);
});

test('the scripts for zsh and fish are valid', async (t) => {
  for (const shell of ['zsh', 'fish'] as const) {
    if (missing(shell) !== undefined) {
      t.diagnostic(`${shell} is not installed`);
      continue;
    }
    const { status, stderr } = spawnSync(shell, ['-n'], { input: SCRIPTS[shell], encoding: 'utf8' });
    assert.deepEqual([status, stderr], [0, '']);
  }
});

function missing(shell: string): string | undefined {
  return spawnSync(shell, ['--version']).status === 0 ? undefined : `${shell} is not installed`;
}

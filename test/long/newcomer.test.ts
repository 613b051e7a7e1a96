import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';
import { join } from 'node:path';
import { DOCUMENTS } from '../newcomer/document.ts';
import { Newcomer } from '../newcomer/newcomer.ts';

const TIMEOUT_MS = 180_000;

suite('what the documents say works on a fresh clone', { skip: reasonToSkip(), timeout: TIMEOUT_MS }, () => {
  let newcomer: Newcomer | undefined;
  before(async () => {
    newcomer = await Newcomer.clone();
  });
  after(() => newcomer?.close());

  for (const document of DOCUMENTS) {
    test(`each line of ${document}`, async (t) => {
      const { run, skipped } = (await newcomer?.follow(document)) ?? { run: 0, skipped: [] };
      t.diagnostic([`${run} lines work. Not run:`, ...skipped].join('\n  '));
    });
  }
});

function reasonToSkip(): string | false {
  if (process.platform !== 'linux') return 'processes are found in /proc';
  if (!existsSync(join(import.meta.dirname, '../../.git'))) return 'this is no clone of a git repository';
  const missing = ['bash', 'git', 'curl'].filter((program) => spawnSync(program, ['--version']).status !== 0);
  return missing.length === 0 ? false : `${missing.join(', ')} is missing`;
}

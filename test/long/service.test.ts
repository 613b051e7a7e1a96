import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';

const LAUNCHER = join(import.meta.dirname, '../../apps/cli/bin/shoal.js');
const USER_SYSTEMD = join(import.meta.dirname, '../harness/user-systemd.sh');
const SYSTEMD = '/usr/lib/systemd/systemd';
/** The exit code of the script for a machine that does not let it run a systemd. */
const NOT_HERE = 77;

/** Prints a line for each step. Every wait is for an event, at most as long as the test may take. */
const STEPS = `
shoal() { "$NODE" "$LAUNCHER" "$@"; }
until_answering() { until shoal prompt "$1" 2>/dev/null; do sleep 0.1; done; }
pid() { systemctl --user show shoal -p MainPID --value; }
shoal service install >/dev/null && until_answering installed
before=$(pid)
shoal service install >/dev/null && [ "$(pid)" = "$before" ] && echo 'installed again: the same process'
kill -9 "$before" && until_answering 'killed'
[ "$(pid)" != "$before" ] && echo 'another process'
shoal service status >/dev/null && echo 'it runs'
grep -q " / .* ro," /proc/$(pid)/mountinfo && echo 'files are read-only' || grep 'No namespaces' "$HOME/.config/systemd/user/shoal.service"
shoal service logs --json | grep -q '"API on http' && echo 'its log is there'
shoal service uninstall >/dev/null; shoal status
`;

const hasSystemd = existsSync(SYSTEMD) && spawnSync('unshare', ['--mount', 'true']).status === 0;
const skip = hasSystemd
  ? false
  : 'a systemd needs root, unshare and /usr/lib/systemd/systemd: install systemd, and run as root';

test(
  'the service of systemd runs the node, starts it again when it dies, and leaves nothing behind',
  { skip },
  async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'shoal-service-'));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const home = join(folder, 'a home');
    await mkdir(home);
    const settings = { port: 0, bootstrap: ['127.0.0.1:1'], lend: true, model: 'echo' };
    await writeFile(join(home, 'config.json'), JSON.stringify(settings));
    const { PATH } = process.env;
    const child = spawn(USER_SYSTEMD, [folder, 'bash', '-c', STEPS], {
      env: { PATH, LAUNCHER, NODE: process.execPath, SHOAL_HOME: home },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise<number | null>((resolve) => void child.once('exit', resolve));
    const output = await text(child.stdout);
    if ((await ended) === NOT_HERE) return t.skip('this machine does not let its users run a systemd');
    const [safe, ...rest] = output
      .split('\n')
      .toSorted()
      .filter((line) => /read-only|namespaces/.test(line));
    assert.match(safe ?? '', /^files are read-only$|^# No namespaces/);
    assert.deepEqual(rest, []);
    assert.deepEqual(
      output.split('\n').filter((line) => line !== safe),
      [
        'installed',
        'installed again: the same process',
        'killed',
        'another process',
        'it runs',
        'its log is there',
        'not running',
        '',
      ],
    );
    assert.deepEqual(await readdir(join(folder, '.config/systemd/user')), []);
  },
);

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { gaugeResources } from './gauge.ts';
import type { GaugeSources, Resources } from './gauge.ts';

const GIB = 1024 ** 3;

/** Recorded on a machine with four cores that was sold with 8 GB. */
const FILES: Readonly<Record<string, string>> = {
  '/proc/stat': [
    'cpu  10132153 290696 3084719 46828483 16683 0 25195 0 175628 0',
    'cpu0 1393280 32966 572056 13343292 6130 0 17875 0 23933 0',
    'cpu1 1335850 38113 518921 13399231 5870 0 4391 0 23301 0',
    'cpu2 1393280 32966 572056 13343292 6130 0 17875 0 23933 0',
    'cpu3 1335850 38113 518921 13399231 5870 0 4391 0 23301 0',
    'intr 1462898',
  ].join('\n'),
  '/proc/meminfo': 'MemTotal:        7923820 kB\nMemFree:          563724 kB\nMemAvailable:    5412396 kB\n',
  '/proc/self/status': 'Name:\tnode\nCpus_allowed:\tff\nCpus_allowed_list:\t0-7\nMems_allowed_list:\t0\n',
  '/proc/self/cgroup': '0::/user.slice/session-3.scope\n',
};

function machine(changes: Readonly<Record<string, string | undefined>> = {}, vram?: string): GaugeSources {
  const files: Readonly<Record<string, string | undefined>> = { ...FILES, ...changes };
  return {
    readText: async (path) => files[path],
    node: () => ({ cores: 6, memoryBytes: 16 * GIB }),
    nvidiaMemory: async () => vram,
    freeBytes: async (folder) => (folder === '/' ? 99.9 * GIB : undefined),
  };
}

function gauge(changes?: Readonly<Record<string, string | undefined>>, vram?: string): Promise<Resources> {
  return gaugeResources('/home/ada/.shoal', machine(changes, vram));
}

test('a machine without limits or a graphics card is gauged from /proc, its memory to the nearest GiB', async () => {
  assert.deepEqual(await gauge(), { cpu_cores: 4, ram_gb: 8, gpu_vram_gb: 0, disk_gb: 99 });
});

test('a CPU limit of cgroup version 2 is rounded up', async () => {
  const limited = await gauge({ '/sys/fs/cgroup/user.slice/session-3.scope/cpu.max': '150000 100000\n' });
  assert.equal(limited.cpu_cores, 2);
});

test('the limit of an ancestor holds where the group itself has none', async () => {
  const limited = await gauge({
    '/sys/fs/cgroup/user.slice/session-3.scope/cpu.max': 'max 100000\n',
    '/sys/fs/cgroup/user.slice/cpu.max': '50000 100000\n',
    '/sys/fs/cgroup/user.slice/memory.max': `${2 * GIB}\n`,
    '/sys/fs/cgroup/user.slice/session-3.scope/memory.max': 'max\n',
  });
  assert.equal(limited.cpu_cores, 1);
  assert.equal(limited.ram_gb, 2);
});

test('the limits of cgroup version 1 hold, in a container that sees its own group as the root of the mount', async () => {
  const limited = await gauge({
    '/proc/self/cgroup': '4:memory:/docker/0a1b\n3:cpuset:/docker/0a1b\n2:cpu,cpuacct:/docker/0a1b\n0::/docker/0a1b\n',
    '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '250000\n',
    '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
    '/sys/fs/cgroup/memory/memory.limit_in_bytes': `${4 * GIB}\n`,
  });
  assert.equal(limited.cpu_cores, 3);
  assert.equal(limited.ram_gb, 4);
});

test('an unlimited group of version 1, and one outside the namespace, leave the machine whole', async () => {
  const whole = await gauge({
    '/proc/self/cgroup': '4:memory:/\n2:cpu:/../..\n',
    '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
    '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
    '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
  });
  assert.deepEqual(whole, await gauge());
});

test('only the cores that the process may run on count', async () => {
  const pinned = await gauge({ '/proc/self/status': 'Cpus_allowed_list:\t0,2-3\n' });
  assert.equal(pinned.cpu_cores, 3);
});

test('video memory is summed over the cards, then rounded to the nearest GiB', async () => {
  assert.equal((await gauge({}, '24564\n8188\n')).gpu_vram_gb, 32);
  assert.equal((await gauge({}, '143771\n')).gpu_vram_gb, 140);
});

test('a card that shares the memory of the system adds none of its own', async () => {
  assert.equal((await gauge({}, '[N/A]\n8192\n')).gpu_vram_gb, 8);
});

test('cores and memory are those that Node reports where /proc is missing or empty', async () => {
  for (const text of [undefined, '']) {
    const measured = await gauge({ '/proc/stat': text, '/proc/meminfo': text });
    assert.equal(measured.cpu_cores, 6);
    assert.equal(measured.ram_gb, 16);
  }
});

test('video memory is unknown where neither /proc nor an NVIDIA driver exists', async () => {
  assert.equal((await gauge({ '/proc/stat': undefined })).gpu_vram_gb, null);
  assert.equal((await gauge({ '/proc/stat': undefined }, '24564\n')).gpu_vram_gb, 24);
});

test('free disk space is unknown where no file system reports it', async () => {
  const measured = await gaugeResources('/srv/shoal', { ...machine(), freeBytes: async () => undefined });
  assert.equal(measured.disk_gb, null);
});

test('this machine is measured, its disk at the nearest folder that exists', async () => {
  const here = await gaugeResources(join(import.meta.dirname, 'not', 'made', 'yet'));
  assert.ok(here.cpu_cores >= 1, `${here.cpu_cores} cores`);
  assert.ok(here.ram_gb >= 1, `${here.ram_gb} GB of memory`);
  assert.ok(here.disk_gb !== null && here.disk_gb >= 0);
  assert.ok(Object.values(here).every((value) => value === null || Number.isInteger(value)));
});

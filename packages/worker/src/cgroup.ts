/** Reads a text file. Resolves with undefined if it does not exist or may not be read. */
export type ReadText = (path: string) => Promise<string | undefined>;

/** The limits that control groups set for this process. Infinity: no limit. */
export interface CgroupLimits {
  /** In CPUs, for example 1.5. */
  readonly cpus: number;
  readonly memoryBytes: number;
}

const MOUNT = '/sys/fs/cgroup';

/**
 * Returns the lowest limit of the process's groups and their ancestors, in version 2 (`cpu.max`, `memory.max`) and version 1
 * (`cpu.cfs_quota_us` over `cpu.cfs_period_us`, `memory.limit_in_bytes`). In a container the named group is often not mounted
 * because the root of the mount is that group. So all levels are read, and missing ones are skipped.
 */
export async function cgroupLimits(read: ReadText): Promise<CgroupLimits> {
  const cpus: number[] = [];
  const memory: number[] = [];
  for (const { controllers, path } of memberships((await read('/proc/self/cgroup')) ?? '')) {
    const unified = controllers.includes('');
    const levels = (controller: string) => ancestry(unified ? MOUNT : `${MOUNT}/${controller}`, path);

    if (unified || controllers.includes('cpu')) {
      for (const folder of levels('cpu')) cpus.push(await (unified ? maxCpus : quotaCpus)(folder, read));
    }
    if (unified || controllers.includes('memory')) {
      const file = unified ? 'memory.max' : 'memory.limit_in_bytes';
      for (const folder of levels('memory')) memory.push(positive(await read(`${folder}/${file}`)));
    }
  }
  return { cpus: Math.min(Infinity, ...cpus), memoryBytes: Math.min(Infinity, ...memory) };
}

/** Parses `0::/path` (version 2, no controllers) and `4:cpu,cpuacct:/path` (version 1). */
function memberships(text: string): { controllers: readonly string[]; path: string }[] {
  return text.split('\n').flatMap((line) => {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    return controllers === undefined || path === undefined ? [] : [{ controllers: controllers.split(','), path }];
  });
}

/** Returns the folders of a group and its ancestors. A group outside the process's namespace is named `/..`. */
function ancestry(root: string, path: string): string[] {
  const names = path.split('/').filter((name) => name !== '' && name !== '..');
  return [root, ...names.map((_, index) => `${root}/${names.slice(0, index + 1).join('/')}`)];
}

/** Parses `150000 100000`, or `max 100000`: microseconds of CPU in each period. */
async function maxCpus(folder: string, read: ReadText): Promise<number> {
  const [quota, period] = ((await read(`${folder}/cpu.max`)) ?? '').split(' ');
  return positive(quota) / positive(period ?? '100000');
}

async function quotaCpus(folder: string, read: ReadText): Promise<number> {
  const quota = positive(await read(`${folder}/cpu.cfs_quota_us`));
  return quota === Infinity ? Infinity : quota / positive(await read(`${folder}/cpu.cfs_period_us`));
}

/** Returns Infinity for a value that sets no limit: undefined, `max`, `-1` or not a number. */
function positive(text: string | undefined): number {
  const number = Number.parseInt(text ?? '', 10);
  return number > 0 ? number : Infinity;
}

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const SCRAPE_INTERVAL = '200ms';

type Program = 'prometheus' | 'promtool';

/** The path of a program in the cache of CI, or its name if it is not there. */
export function programOf(name: Program): string {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const path = join(cache, 'shoal-tools/prometheus/usr/bin', name);
  return existsSync(path) ? path : name;
}

/** Reason to skip a test that runs a program of Prometheus; false if it is installed. */
export function skipWithout(name: Program): string | false {
  const isInstalled = spawnSync(programOf(name), ['--version']).status === 0;
  return isInstalled ? false : `${name} is not here: .ci/install-prometheus, or apt install prometheus`;
}

/** A real Prometheus that scrapes one target. */
export class Prometheus {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #address: string;

  /** `target` is `host:port`, whose `/metrics` is scraped as the job `shoal`. */
  static async start(target: string): Promise<Prometheus> {
    const folder = mkdtempSync(join(tmpdir(), 'shoal-prometheus-'));
    const job = { job_name: 'shoal', scrape_interval: SCRAPE_INTERVAL, scrape_timeout: SCRAPE_INTERVAL };
    const configuration = { scrape_configs: [{ ...job, static_configs: [{ targets: [target] }] }] };
    writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(configuration));
    const child = spawn(
      programOf('prometheus'),
      ['--config.file=prometheus.yml', '--storage.tsdb.path=data', '--web.listen-address=127.0.0.1:0'],
      { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    return new Prometheus(child, folder, await addressOf(child));
  }

  private constructor(child: ChildProcess, folder: string, address: string) {
    this.#child = child;
    this.#folder = folder;
    this.#address = address;
  }

  /** Returns the number of series that an expression has now. Throws if Prometheus refuses it. */
  async query(expression: string): Promise<number> {
    const body = new URLSearchParams({ query: expression });
    const response = await fetch(`http://${this.#address}/api/v1/query`, { method: 'POST', body });
    const text = await response.text();
    if (!response.ok) throw new Error(`${expression}: ${text}`);
    const { data }: { readonly data: { readonly result: readonly unknown[] } } = JSON.parse(text);
    return data.result.length;
  }

  async close(): Promise<void> {
    const exit = once(this.#child, 'exit');
    this.#child.kill();
    await exit;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The address in the line that Prometheus logs once it listens. The rest of its log is read and dropped. */
function addressOf({ stderr }: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    if (stderr === null) return reject(new Error('Prometheus has no standard error.'));
    const lines: string[] = [];
    const reader = createInterface({ input: stderr });
    reader.on('line', (line) => {
      lines.push(line);
      const address = /msg="Listening on" address=(\S+)/.exec(line)?.[1];
      if (address !== undefined) resolve(address);
    });
    reader.once('close', () => reject(new Error(`Prometheus did not start:\n${lines.join('\n')}`)));
  });
}

/**
 * Measures the download of a model of 1 GiB over loopback, checked and synced to disk, compared with `curl -o` and
 * `sha256sum` of the same file. Both alternate.
 *
 *   node bench/pull.ts [--rounds 5] [--json]
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ModelStore, pull } from '@shoal/models';
import { type MetadataValue, writeGguf } from '@shoal/models/gguf-writer';
import { benchOptions, interleave, median, quotient, report } from './report.ts';

const PIECE_BYTES = 1024 ** 2;

const run = promisify(execFile);
const options = benchOptions(5);
const MODEL_BYTES = options.size(1024 ** 3, 16 * PIECE_BYTES);
const WARM_UPS = options.size(1, 0);
const folder = await mkdtemp(join(tmpdir(), 'shoal-bench-'));
const source = join(folder, 'model.gguf');
writeModel(source);
const server = spawn(process.execPath, [join(import.meta.dirname, 'file-server.ts'), source], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
try {
  const [printed] = await once(server.stdout, 'data');
  const url = `http://127.0.0.1:${Number(String(printed))}/model.gguf`;
  const { pulled, curled } = await interleave(
    { rounds: options.rounds, warmUps: WARM_UPS },
    { pulled: () => rate(() => pullModel(url)), curled: () => rate(() => curlModel(url)) },
  );
  report(
    'pull',
    [
      median(`pull, ${MODEL_BYTES / PIECE_BYTES} MiB, checked and synced`, 'MB/s', pulled),
      median('curl -o, then sha256sum', 'MB/s', curled),
      quotient('pull ÷ curl and sha256sum', pulled, curled, { atLeast: 0.8 }),
    ],
    options,
  );
} finally {
  server.kill();
  await rm(folder, { recursive: true, force: true });
}

async function rate(fetch: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await fetch();
  const seconds = (performance.now() - startedAt) / 1_000;
  await rm(join(folder, 'fetched'), { recursive: true });
  return MODEL_BYTES / 1e6 / seconds;
}

async function pullModel(url: string): Promise<void> {
  const store = await ModelStore.open(join(folder, 'fetched'));
  await pull(store, url, { allowedHosts: ['127.0.0.1'] });
}

async function curlModel(url: string): Promise<void> {
  await run('curl', ['--silent', '--fail', '--output', join(folder, 'fetched'), url]);
  await run('sha256sum', [join(folder, 'fetched')]);
}

/** One tensor that repeats the same piece; its values do not matter. */
function writeModel(path: string): void {
  const piece = Buffer.alloc(PIECE_BYTES, 'a model of no use');
  const metadata = new Map<string, MetadataValue>([['general.architecture', { type: 'string', value: 'llama' }]]);
  const tensor = {
    name: 'token_embd.weight',
    type: 'f32',
    shape: [MODEL_BYTES / 4],
    *data() {
      for (let written = 0; written < MODEL_BYTES; written += PIECE_BYTES) yield piece;
    },
  } as const;
  writeGguf(path, metadata, [tensor]);
}

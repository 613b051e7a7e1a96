/**
 * Measures how much the resident memory of a Donate compute node grows while a model of 1 GiB is pushed to it: the maximum during
 * the push, minus the value before. The collector is not called. The model is a valid header with random bytes, so the node
 * refuses it once it is complete.
 *
 *   node bench/donate-memory.ts [--rounds 3] [--json]
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dialDonate } from '@shoal/client/donate';
import { Program } from '../test/harness/program.ts';
import { benchOptions, median, report } from './report.ts';

const CHUNK_BYTES = 1024 * 1024;
const SAMPLE_MS = 20;
const MIB = 1_048_576;
const LAUNCHER = join(import.meta.dirname, '../apps/cli/bin/shoal.js');

const options = benchOptions(3);
const MODEL_BYTES = options.size(1024 ** 3, 16 * CHUNK_BYTES);
const growths: number[] = [];
for (let round = 0; round < options.rounds; round += 1) growths.push((await growthOfOneNode()) / MIB);
report('donate-memory', [median('resident memory, most during a push', 'MiB', growths, { atMost: 64 })], options);

async function growthOfOneNode(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'shoal-bench-memory-'));
  const command = [LAUNCHER, 'donate', '--mode', 'model_push', '--port', '0', '--folder', join(folder, 'models')];
  const node = new Program({ name: 'node', command, environment: { SHOAL_HOME: folder } });
  try {
    const address = await node.until(() => /127\.0\.0\.1:\d+/.exec(node.stdout)?.[0], 'where it listens');
    const before = await residentBytes(node.pid);
    let most = before;
    const sampling = setInterval(() => {
      void residentBytes(node.pid).then((bytes) => (most = Math.max(most, bytes)));
    }, SAMPLE_MS);
    try {
      await push(address);
    } finally {
      clearInterval(sampling);
    }
    return Math.max(most, await residentBytes(node.pid)) - before;
  } finally {
    node.signal('SIGTERM');
    await node.ended();
    await rm(folder, { recursive: true });
  }
}

async function push(address: string): Promise<void> {
  const node = await dialDonate(address);
  const refusal = await node.putModel(model(), { length: MODEL_BYTES }).then(
    () => 'The node took a model of random bytes.',
    (error: unknown) => (/cannot be used as a GGUF model/.test(String(error)) ? undefined : String(error)),
  );
  node.close();
  if (refusal !== undefined) throw new Error(refusal);
}

async function* model(): AsyncGenerator<Uint8Array> {
  const chunk = randomBytes(CHUNK_BYTES);
  const first = Buffer.from(chunk);
  first.write('GGUF');
  first.fill(0, 4, 24);
  first.writeUInt32LE(3, 4);
  for (let sent = 0; sent < MODEL_BYTES; sent += CHUNK_BYTES) yield sent === 0 ? first : chunk;
}

async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Engine } from '@shoal/engine';
import { checkGguf } from '@shoal/models';
import { createEngine } from '@shoal/host/engines';
import { locateHome } from '@shoal/host/home';
import { createLogger } from '@shoal/host/log';
import { promptInput } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import { writeRandomModel } from '@shoal/models/random-model';
import { type MutatedModel, mutatedModels } from './harness/mutated-models.ts';

const SEED = 20_261_121;
const FEWEST_FILES = 200;
const TINY = {
  layers: 1,
  width: 32,
  heads: 2,
  keyHeads: 1,
  feedForward: 32,
  vocabulary: 300,
  context: 128,
  type: 'f16',
  seed: 1,
} as const;

/** The time for one header. Three times as much is allowed on a busy machine. */
const MOST_MS = 50;
/** Memory growth of this process for one header. */
const MOST_GROWTH_BYTES = 32 * 1024 ** 2;
/** Files that are loaded by a process. All of them take minutes; `EVERY_MODEL=1` loads all. */
const LOADED_FILES = process.env['EVERY_MODEL'] === '1' ? Infinity : 20;
const LOADING_AT_ONCE = 2;
/** Files with a valid header that crash llama.cpp. */
const DEADLY = /tokens: alike|ggml\.model: "llama"/;
/** Error codes that a model's owner may get. */
const ALLOWED_CODES = ['INVALID_REQUEST', 'CONTEXT_EXCEEDED', 'GENERATION_FAILED', 'MODEL_NOT_FOUND'];

const folder = mkdtempSync(join(tmpdir(), 'shoal-hostile-models-'));
const tinyPath = join(folder, 'tiny.gguf');
const home = locateHome({ SHOAL_HOME: join(folder, 'home') });
let all: readonly MutatedModel[] = [];
/** Mutated models whose header passes, by path. */
const passed = new Map<string, MutatedModel>();

before(() => {
  writeRandomModel(tinyPath, TINY);
  all = mutatedModels(readFileSync(tinyPath), SEED);
});

after(() => rmSync(folder, { recursive: true, force: true }));

test('the header check of a mutated model is fast and needs little memory', async (t) => {
  assert.ok(new Set(all.map(({ bytes }) => hash('sha256', bytes))).size >= FEWEST_FILES);
  let [slowestMs, mostBytes] = [0, 0];
  for (const [index, model] of all.entries()) {
    const path = join(folder, `${index}.gguf`);
    writeFileSync(path, model.bytes);
    const bytesBefore = process.memoryUsage().rss;
    const startedAt = performance.now();
    const refusal = await refusalOf(path);
    slowestMs = Math.max(slowestMs, performance.now() - startedAt);
    mostBytes = Math.max(mostBytes, process.memoryUsage().rss - bytesBefore);
    if (refusal === undefined) passed.set(path, model);
    else assert.match(refusal.message, /^The file cannot be used as a GGUF model: .+\.$/, model.name);
  }
  t.diagnostic(`${all.length} files of seed ${SEED}: ${all.length - passed.size} refused by their header`);
  t.diagnostic(`slowest ${slowestMs.toFixed(1)} ms, at most ${(mostBytes / 1024 ** 2).toFixed(0)} MiB for one`);
  assert.ok(slowestMs < 3 * MOST_MS, `one took ${slowestMs} ms`);
  assert.ok(mostBytes < MOST_GROWTH_BYTES, `one took ${mostBytes} bytes`);
});

test('a model that passes is loaded or refused by a child process, and this process keeps running', async (t) => {
  const waiting = chosen([...passed]);
  assert.ok(waiting.length >= Math.min(LOADED_FILES, passed.size / 2));
  const tally = new Map<string, number>();
  const deaths: string[] = [];
  const work = async (): Promise<void> => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const [path, { name }] = next;
      const end = await tryModel(path, name);
      tally.set(end, (tally.get(end) ?? 0) + 1);
      if (end === 'killed its process') deaths.push(name);
    }
  };
  await Promise.all(Array.from({ length: LOADING_AT_ONCE }, work));
  t.diagnostic([...tally].map(([end, count]) => `${count} ${end}`).join(', '));
  for (const name of deaths) t.diagnostic(`killed its process: ${name}`);
  assert.equal(await tryModel(tinyPath, 'the valid model'), 'answered');
});

type End = 'answered' | 'was refused' | 'failed to answer' | 'killed its process';

/** Throws on any other end, and on an error that the owner should not see. */
async function tryModel(path: string, name: string): Promise<End> {
  const choice = { engine: 'llama', model: path, gpuLayers: 0, threads: 1, slots: 1, contextLength: 64 } as const;
  let engine: Engine | undefined;
  try {
    engine = await createEngine(choice, home, createLogger('error', { write: () => {} }));
    await engine.models();
    return await answer(engine, name);
  } catch (error) {
    return endOf(error, 'was refused', name);
  } finally {
    await engine?.close();
  }
}

async function answer(engine: Engine, name: string): Promise<End> {
  const request = { input: promptInput('hi'), sampling: { maxTokens: 4, temperature: 0 }, stop: [] };
  for await (const event of engine.generate(request, new AbortController().signal)) {
    if (event.type === 'error') return endOf(event.error, 'failed to answer', name);
    if (event.type === 'finish') return 'answered';
  }
  return assert.fail(`${name}: an answer without an end`);
}

function endOf(error: unknown, end: End, name: string): End {
  assert.ok(error instanceof ShoalError, `${name}: ${String(error)}`);
  assert.ok(ALLOWED_CODES.includes(error.code), `${name}: ${error.code} ${error.message}`);
  return /process that loaded it ended|crashed/.test(error.message) ? 'killed its process' : end;
}

/** An even selection, and the files that are known to be the worst. */
function chosen(files: readonly [path: string, model: MutatedModel][]): [path: string, model: MutatedModel][] {
  const step = Math.max(1, Math.floor(files.length / LOADED_FILES));
  return files.filter(([, { name }], index) => index % step === 0 || DEADLY.test(name));
}

async function refusalOf(path: string): Promise<ShoalError | undefined> {
  try {
    await checkGguf(path);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof ShoalError, String(error));
    assert.equal(error.code, 'INVALID_REQUEST');
    return error;
  }
}

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { machineName } from '@shoal/engine/llama-server';
import { type Measurement, readMeasurements, saveMeasurement } from './record.ts';
import { buildFolder, processorKey } from './places.ts';
import { homeFiles, type Home } from '../home/home.ts';
import { chooseLlama } from './llama-choice.ts';
import { findLlama } from './packages.ts';
import { temporaryHome } from '../testing/temporary-home.ts';

const MODEL = '/models/one.gguf';
const skip =
  process.platform === 'win32' || findLlama().binary === undefined
    ? 'there are not two ways to run llama.cpp here'
    : false;

test('the configured engine is used, and refused if it is not installed', { skip }, async (t) => {
  const home = temporaryHome(t);
  const server = writeServer(home);
  assert.deepEqual(await chooseLlama(home, { engine: 'llama' }, MODEL), { engine: 'llama', why: 'configured' });
  assert.deepEqual(await chooseLlama(home, { engine: 'llama-server' }, MODEL), {
    engine: 'llama-server',
    why: 'configured',
    server: { path: server, by: 'home' },
  });
  const wish = { engine: 'auto', llamaServer: '/nowhere/llama-server' } as const;
  await assert.rejects(chooseLlama(home, wish, MODEL), { code: 'INVALID_REQUEST', message: /nowhere/ });
});

test('llama-server is preferred only if it was measured to be faster', { skip }, async (t) => {
  const home = temporaryHome(t);
  const server = writeServer(home);
  mkdirSync(homeFiles(home).cache, { recursive: true });
  const auto = async (model: string): Promise<string[]> => {
    const { engine, why } = await chooseLlama(home, { engine: 'auto' }, model);
    return [engine, why];
  };
  assert.deepEqual(await auto(MODEL), ['llama', 'not measured']);
  await saveMeasurement(home, measurement(server, { llamaServer: 101 }));
  assert.deepEqual(await auto(MODEL), ['llama', 'measured']);
  await saveMeasurement(home, measurement(server, { llamaServer: 120 }));
  assert.deepEqual(await auto(MODEL), ['llama-server', 'measured']);
  assert.equal((await readMeasurements(home)).length, 1);
  assert.deepEqual(await auto('/models/another.gguf'), ['llama-server', 'measured']);
  await saveMeasurement(home, measurement(server, { model: '/models/another.gguf', llamaServer: 90 }));
  assert.deepEqual(await auto('/models/another.gguf'), ['llama', 'measured']);
  assert.deepEqual(await auto(MODEL), ['llama-server', 'measured']);
});

test('measurements of another machine or another server are ignored', { skip }, async (t) => {
  const home = temporaryHome(t);
  const server = writeServer(home);
  mkdirSync(homeFiles(home).cache, { recursive: true });
  await saveMeasurement(home, measurement(server, { machine: 'another', llamaServer: 200 }));
  await saveMeasurement(home, measurement('/another/llama-server', { llamaServer: 200 }));
  assert.equal((await chooseLlama(home, { engine: 'auto' }, MODEL)).why, 'not measured');
});

function measurement(server: string, changes: Partial<Measurement>): Measurement {
  const measuredAt = '2026-01-01T00:00:00.000Z';
  return {
    machine: machineName(),
    model: MODEL,
    server,
    measuredAt,
    slots: 4,
    llama: 100,
    llamaServer: 100,
    ...changes,
  };
}

/** Creates a program like the one of a build. */
function writeServer(home: Home): string {
  const folder = buildFolder(home, 'v1');
  mkdirSync(folder, { recursive: true });
  const description = { release: 'v1', gpu: 'none', processor: processorKey(), builtAt: '2026-01-01T00:00:00.000Z' };
  writeFileSync(join(folder, 'build.json'), JSON.stringify(description));
  const path = join(folder, 'llama-server');
  writeFileSync(path, '', { mode: 0o700 });
  return path;
}

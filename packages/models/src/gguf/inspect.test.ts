import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { ShoalError } from '@shoal/protocol/error';
import { DEMO, DEMO_PATH } from '../testing/demo-model.ts';
import { temporaryFolder } from '@shoal/files/testing/temporary-folder';
import { describeGguf } from './describe.ts';
import type { GgufHeader } from './header.ts';
import { checkGguf, inspectModel } from './inspect.ts';
import { aligned } from './tensors.ts';

/** Length of the demo model's header. */
const HEADER_BYTES = (await checkGguf(DEMO_PATH)).dataOffset;
const MUTATIONS = 400;
const MAX_MS = 100;
const MAX_GROWTH_BYTES = 64 * 1024 ** 2;

test('a model is described by its header', async () => {
  const { chatTemplate, ...description } = await inspectModel([DEMO_PATH]);
  assert.match(chatTemplate ?? '', /messages/);
  assert.deepEqual(description, {
    version: 3,
    architecture: 'llama',
    name: 'Shoal demo',
    licence: 'MIT',
    parameterCount: 1_894_080,
    quantisation: 'F16',
    contextLength: 1024,
    embeddingLength: 192,
    feedForwardLength: 512,
    vocabularySize: 640,
    headCount: 6,
    layerCount: 4,
    weightBytes: 3_791_616,
    repackableBytes: 0,
    kvBytesPerToken: 3072,
  });
});

test('mutated headers are refused or read, in bounded time and memory', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'mutated.gguf');
  const random = seeded(20_261_121);
  let [refused, slowestMs, mostBytes] = [0, 0, 0];
  for (let round = 0; round < MUTATIONS; round++) {
    writeFileSync(path, mutate(random, round));
    const before = process.memoryUsage.rss();
    const startedAt = performance.now();
    try {
      await inspectModel([path]);
    } catch (error) {
      assert.ok(error instanceof ShoalError, `mutation ${round}: ${String(error)}`);
      assert.equal(error.code, 'INVALID_REQUEST', `mutation ${round}`);
      refused++;
    }
    slowestMs = Math.max(slowestMs, performance.now() - startedAt);
    mostBytes = Math.max(mostBytes, process.memoryUsage.rss() - before);
  }
  assert.ok(refused > MUTATIONS / 4, `${refused} were refused`);
  assert.ok(mostBytes < MAX_GROWTH_BYTES, `the largest took ${mostBytes} bytes`);
  // Three times the limit, because the machine may be busy.
  assert.ok(slowestMs < 3 * MAX_MS, `the slowest took ${slowestMs} ms`);
});

test('a file that is not a little-endian GGUF file of a known version is refused with the reason', async (t) => {
  const path = join(temporaryFolder(t), 'model.gguf');
  const cases: [reason: RegExp, bytes: Buffer][] = [
    [/not a GGUF file/, Buffer.alloc(0)],
    [/not a GGUF file/, Buffer.from('<!doctype html><title>Not found</title>')],
    [/big-endian/, changed((bytes) => bytes.writeUInt32BE(3, 4))],
    [/version 1,/, changed((bytes) => bytes.writeUInt32LE(1, 4))],
    [/version 9,/, changed((bytes) => bytes.writeUInt32LE(9, 4))],
    [/more than 65536 tensors/, changed((bytes) => bytes.writeBigUInt64LE(2n ** 63n, 8))],
    [/more than 4096 metadata/, changed((bytes) => bytes.writeBigUInt64LE(2n ** 40n, 16))],
    [/ends within its header/, DEMO.subarray(0, HEADER_BYTES / 2)],
    [/truncated/, DEMO.subarray(0, DEMO.length - 64)],
  ];
  for (const [reason, bytes] of cases) {
    writeFileSync(path, bytes);
    await assert.rejects(checkGguf(path), { code: 'INVALID_REQUEST', message: reason });
  }
  await assert.rejects(checkGguf(join(path, 'none')), { code: 'MODEL_NOT_FOUND' });
  await assert.rejects(checkGguf(temporaryFolder(t)), { code: 'INVALID_REQUEST' });
});

test('lengths in the metadata are checked against the file before memory is allocated', async (t) => {
  const check = checker(t);
  const cases: [reason: RegExp, entry: Buffer][] = [
    [/a key of its metadata has more than 1024/, u64(2n ** 62n)],
    [/ends within its header/, entry(8, u64(2n ** 40n))],
    [/more than 4194304 items/, entry(9, Buffer.concat([u32(4), u64(2n ** 60n)]))],
    [/ends within its header/, entry(9, Buffer.concat([u32(8), u64(4_000_000n)]))],
    [/lists of lists/, entry(9, Buffer.concat([u32(9), u64(1n)]))],
    [/unknown type 13/, entry(13, u64(0n))],
    [/a key of its metadata is empty/, Buffer.concat([u64(0n), u32(4), u32(1)])],
  ];
  for (const [reason, bytes] of cases) {
    await assert.rejects(check(header(bytes, 1)), { code: 'INVALID_REQUEST', message: reason });
  }
  const twice = Buffer.concat([entry(4, u32(1)), entry(4, u32(2))]);
  await assert.rejects(check(header(twice, 2)), { message: /a key twice/ });
});

test('tensors that overlap, point outside the file or have invalid shapes are refused', async (t) => {
  const check = checker(t);
  const cases: [reason: RegExp, tensors: Buffer[]][] = [
    [/not at its expected position/, [tensor('a', [32n], 0, 32n)]],
    [/not at its expected position/, [tensor('a', [32n], 0, 0n), tensor('b', [32n], 0, 0n)]],
    [/the same name/, [tensor('a', [32n], 0, 0n), tensor('a', [32n], 0, 128n)]],
    [/truncated/, [tensor('a', [1_000_000n], 0, 0n)]],
    [/the shape/, [tensor('a', [2n ** 40n, 2n ** 40n], 0, 0n)]],
    [/the shape/, [tensor('a', [0n], 0, 0n)]],
    [/5 dimensions/, [tensor('a', [1n, 1n, 1n, 1n, 1n], 0, 0n)]],
    [/not a multiple of 32/, [tensor('a', [33n], 2, 0n)]],
    [/unknown type/, [tensor('a', [32n], 4, 0n)]],
    [/more than 63 bytes/, [tensor('a'.repeat(64), [32n], 0, 0n)]],
  ];
  for (const [reason, tensors] of cases) {
    await assert.rejects(check(header(Buffer.concat(tensors), 0, tensors.length)), {
      code: 'INVALID_REQUEST',
      message: reason,
    });
  }
  assert.equal((await check(header(tensor('a', [32n], 0, 0n), 0, 1))).tensors[0]?.bytes, 128);
});

test('headers that would end the process of llama.cpp are refused', async (t) => {
  const check = checker(t);
  const f32 = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeFloatLE(value);
    return bytes;
  };
  const text = (value: string): Buffer => Buffer.concat([u64(BigInt(value.length)), Buffer.from(value)]);
  const key = (name: string, type: number, value: Buffer): Buffer => Buffer.concat([text(name), u32(type), value]);
  const experts = (count: number, used: number): Buffer[] => [
    key('a.expert_count', 4, u32(count)),
    key('a.expert_used_count', 4, u32(used)),
  ];
  const cases: [reason: RegExp, entries: Buffer[]][] = [
    [/claims 0 layers/, [key('a.block_count', 4, u32(0))]],
    [/claims 513 layers/, [key('a.block_count', 4, u32(513))]],
    [/look ahead/, [key('a.block_count', 4, u32(2)), key('a.nextn_predict_layers', 4, u32(3))]],
    [/claims 8 experts in 0 groups, of which 0/, experts(8, 0)],
    [/claims 8 experts in 0 groups, of which 9/, experts(8, 9)],
    [/claims 0 experts/, experts(0, 1)],
    [/claims 2000 experts/, experts(2000, 2)],
    [/in 3 groups/, [...experts(8, 2), key('a.expert_group_count', 4, u32(3))]],
    [/layer_norm_rms_epsilon is NaN/, [key('a.attention.layer_norm_rms_epsilon', 6, f32(Number.NaN))]],
    [/not one of none, linear/, [key('a.rope.scaling.type', 8, text('other'))]],
    [/no vocabulary/, [key('tokenizer.ggml.model', 8, text('no_vocab'))]],
    [/template nests more than 1000/, [key('tokenizer.chat_template', 8, text(`{{ ${'['.repeat(1000)}`))]],
  ];
  for (const [reason, entries] of cases) {
    const all = [key('general.architecture', 8, text('a')), ...entries];
    await assert.rejects(check(header(Buffer.concat(all), all.length)), { code: 'INVALID_REQUEST', message: reason });
  }
  const valid = [key('general.architecture', 8, text('a')), ...experts(8, 2), key('a.expert_group_count', 4, u32(1))];
  await check(header(Buffer.concat(valid), valid.length));
  for (const type of [15, 24]) {
    const shape = [256n];
    const bytes = header(tensor('a', shape, type, 0n), 0, 1);
    await assert.rejects(check(Buffer.concat([bytes, Buffer.alloc(256)])), { message: /which is not for weights/ });
  }
  const odd = [key('general.alignment', 4, u32(1))];
  await assert.rejects(check(header(Buffer.concat([...odd, tensor('a', [1n], 0, 0n)]), 1, 1)), {
    message: /multiple of 32/,
  });
});

test('sliding-window layers are counted separately', () => {
  const count = (key: string, value: number): [string, number] => [`gemma3.${key}`, value];
  const metadata = new Map<string, string | number>([
    ['general.architecture', 'gemma3'],
    count('block_count', 6),
    count('embedding_length', 64),
    count('attention.head_count', 4),
    count('attention.head_count_kv', 1),
    count('attention.key_length', 16),
    count('attention.value_length', 16),
    count('attention.sliding_window', 512),
  ]);
  const description = describeGguf([{ version: 3, metadata, tensors: [], dataOffset: 0 }]);
  assert.equal(description.kvBytesPerToken, 6 * 64);
  assert.deepEqual(description.windowed, { kvBytesPerToken: 5 * 64, tokens: 512 });
});

/** A copy of the demo model with changed bits, counts or sizes in its header, or a truncated one. */
function mutate(random: () => number, round: number): Buffer {
  const at = (limit: number): number => Math.floor(random() * limit);
  if (round % 8 === 0) return DEMO.subarray(0, at(HEADER_BYTES * 2));
  return changed((bytes) => {
    const position = at(HEADER_BYTES - 8);
    switch (round % 4) {
      case 0:
        bytes.writeBigUInt64LE(BigInt(at(2 ** 32)) << BigInt(at(32)), position);
        break;
      case 1:
        for (let flips = 0; flips < 8; flips++) flip(bytes, at(HEADER_BYTES), at(8));
        break;
      case 2:
        // The most important counts, types and offsets are at both ends of the header.
        flip(bytes, random() < 0.5 ? at(64) : HEADER_BYTES - 1 - at(1024), at(8));
        break;
      default:
        bytes.writeUInt32LE(at(2 ** 32), position);
    }
  });
}

function flip(bytes: Buffer, position: number, bit: number): void {
  bytes.writeUInt8(bytes.readUInt8(position) ^ (1 << bit), position);
}

function changed(change: (bytes: Buffer) => unknown): Buffer {
  const bytes = Buffer.from(DEMO);
  change(bytes);
  return bytes;
}

function checker(t: TestContext): (bytes: Buffer) => Promise<GgufHeader> {
  const path = join(temporaryFolder(t), 'model.gguf');
  return (bytes) => {
    writeFileSync(path, bytes);
    return checkGguf(path);
  };
}

/** A header with 256 bytes of tensor data. */
function header(content: Buffer, entries: number, tensors = 0): Buffer {
  const head = Buffer.concat([Buffer.from('GGUF'), u32(3), u64(BigInt(tensors)), u64(BigInt(entries)), content]);
  return Buffer.concat([head, Buffer.alloc(aligned(head.length, 32) - head.length + 256)]);
}

function entry(type: number, value: Buffer): Buffer {
  return Buffer.concat([u64(1n), Buffer.from('k'), u32(type), value]);
}

function tensor(name: string, shape: bigint[], type: number, offset: bigint): Buffer {
  return Buffer.concat([
    u64(BigInt(name.length)),
    Buffer.from(name),
    u32(shape.length),
    ...shape.map(u64),
    u32(type),
    u64(offset),
  ]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}

/** A deterministic random number generator (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

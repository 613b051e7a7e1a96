import {
  type Draft,
  type Entry,
  entryOf,
  f32,
  readDraft,
  type TensorEntry,
  text,
  u32,
  u64,
  VALUE_TYPES,
  writeDraft,
} from './gguf-draft.ts';

/** An invalid or unusual file. */
export interface MutatedModel {
  readonly name: string;
  readonly bytes: Buffer;
}

const LARGEST = 2n ** 64n - 1n;
const TRUNCATIONS = 24;
const RANDOM_FILES = 60;
const FLIPS_EACH = 6;

/** All kinds of invalid files, made from one small model of llama's architecture. The same seed gives the same files. */
export function mutatedModels(valid: Buffer, seed: number): MutatedModel[] {
  const draft = readDraft(valid);
  const drafts = [
    ...beginnings(draft),
    ...keys(draft),
    ...types(draft),
    ...lengths(draft),
    ...tensors(draft),
    ...shapes(draft),
    ...twins(draft),
    ...absences(draft),
    ...hyperparameters(draft),
    ...vocabularies(draft),
    ...weights(draft),
  ];
  const files = [...drafts, ...templates(draft), ...endlessTemplates(draft)].map(named);
  return [...files, ...truncations(valid), ...flips(valid, seed)];
}

function named([name, draft]: Named): MutatedModel {
  return { name, bytes: writeDraft(draft) };
}

type Named = readonly [name: string, draft: Draft];

function beginnings(draft: Draft): Named[] {
  const versions = [0, 1, 2, 4, 9, 0x0300_0000, 0xffff_ffff];
  const counts = [0n, 1n, LARGEST, 2n ** 63n, 2n ** 32n, 2n ** 31n, 65_537n];
  return [
    ...versions.map((version): Named => [`version ${version}`, { ...draft, version }]),
    ...[...counts, draft.tensorCount + 1n, draft.tensorCount - 1n].map((tensorCount): Named => [
      `${tensorCount} tensors`,
      { ...draft, tensorCount },
    ]),
    ...[...counts, draft.entryCount + 1n, draft.entryCount - 1n].map((entryCount): Named => [
      `${entryCount} entries`,
      { ...draft, entryCount },
    ]),
  ];
}

function keys(draft: Draft): Named[] {
  const places = [0, Math.floor(draft.entries.length / 2), draft.entries.length - 1];
  const lies = [0n, 1n, 1025n, 65_536n, 2n ** 32n, 2n ** 63n, LARGEST];
  return [
    ...places.flatMap((place) =>
      lies.map((keyLength) => entryChange(draft, place, `key of ${keyLength}`, { keyLength })),
    ),
    ...places.map((place) => {
      const key = Buffer.from('a\0b\u0007.c');
      return entryChange(draft, place, 'NUL in a key', { key, keyLength: BigInt(key.length) });
    }),
    entryChange(draft, 1, 'a key that is no UTF-8', { key: Buffer.from([0xff, 0xc0, 0x80]), keyLength: 3n }),
  ];
}

function types(draft: Draft): Named[] {
  const changed = ['general.architecture', 'llama.block_count', 'llama.rope.freq_base', 'tokenizer.ggml.tokens'];
  const lies = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 255, 2 ** 31];
  return changed.flatMap((key) => lies.map((type) => keyChange(draft, key, `type ${type}`, { type })));
}

function lengths(draft: Draft): Named[] {
  const lies = [0n, 1n, 299n, 301n, 2n ** 20n, 2n ** 31n, 2n ** 32n + 300n, 2n ** 60n, 2n ** 61n + 1n, LARGEST];
  const lists = ['tokenizer.ggml.tokens', 'tokenizer.ggml.token_type', 'tokenizer.ggml.merges'];
  const texts = ['general.architecture', 'tokenizer.ggml.model', 'tokenizer.chat_template'];
  return [
    ...lists.flatMap((key) => [
      ...[0, 1, 4, 5, 6, 7, 8, 9, 12, 13, 2 ** 31].map((type) =>
        patch(draft, key, `items of type ${type}`, 0, u32(type)),
      ),
      ...lies.map((length) => patch(draft, key, `list of ${length}`, 4, u64(length))),
    ]),
    ...['tokenizer.ggml.tokens', 'tokenizer.ggml.merges'].flatMap((key) =>
      lies.map((length) => patch(draft, key, `first text of ${length}`, 12, u64(length))),
    ),
    ...texts.flatMap((key) => lies.map((length) => patch(draft, key, `text of ${length}`, 0, u64(length)))),
  ];
}

function tensors(draft: Draft): Named[] {
  const places = [0, 1, draft.tensors.length - 1];
  const kinds = [0, 1, 2, 4, 8, 9, 12, 15, 16, 24, 30, 31, 39, 41, 42, 1000, 2 ** 31];
  return places.flatMap((place) => {
    const { offset = 0n, name = Buffer.alloc(0) } = draft.tensors[place] ?? {};
    const offsets = [offset + 1n, offset + 32n, offset - 32n, 2n ** 63n, LARGEST - 31n, BigInt(draft.data.length), 0n];
    const names = [
      Buffer.from('a\0b'),
      Buffer.alloc(0),
      Buffer.alloc(64, 'a'),
      Buffer.alloc(3000, 'a'),
      Buffer.from([0xff]),
    ];
    return [
      ...kinds.map((type) => tensorChange(draft, place, `type ${type}`, { type })),
      ...offsets.map((lie) => tensorChange(draft, place, `offset ${lie}`, { offset: BigInt.asUintN(64, lie) })),
      ...names.map((lie, index) =>
        tensorChange(draft, place, `name ${index}`, { name: lie, nameLength: BigInt(lie.length) }),
      ),
      ...[0n, 2n ** 31n, LARGEST].map((nameLength) =>
        tensorChange(draft, place, `name of ${nameLength}`, { name, nameLength }),
      ),
    ];
  });
}

function shapes(draft: Draft): Named[] {
  return [0, 1, 2, draft.tensors.length - 1].flatMap((place) => {
    const { shape = [] } = draft.tensors[place] ?? {};
    const [first = 1n, ...others] = shape;
    const lies: (readonly bigint[])[] = [
      [],
      [0n, ...others],
      [LARGEST, ...others],
      [2n ** 63n, ...others],
      [2n ** 32n, 2n ** 32n],
      [2n ** 40n, 2n ** 40n, 2n ** 40n],
      [first + 1n, ...others],
      [first - 1n, ...others],
      [first / 2n, 2n, ...others],
      [...others, first],
      [first, ...others, 1n, 1n],
      [first, 2n, ...others],
    ];
    const counts = [0, 1, 4, 5, 2 ** 31];
    return [
      ...lies.map((lie) =>
        tensorChange(draft, place, `shape ${lie.join('x')}`, { shape: lie, dimensions: lie.length }),
      ),
      ...counts.map((dimensions) => tensorChange(draft, place, `${dimensions} dimensions`, { dimensions })),
    ];
  });
}

function twins(draft: Draft): Named[] {
  const [entry, tensor] = [draft.entries.at(-1), draft.tensors.at(-1)];
  if (entry === undefined || tensor === undefined) return [];
  const swapped = [...draft.tensors.slice(1), ...draft.tensors.slice(0, 1)];
  return [
    ['an entry twice', { ...draft, entries: [...draft.entries, entry], entryCount: draft.entryCount + 1n }],
    ['a tensor twice', { ...draft, tensors: [...draft.tensors, tensor], tensorCount: draft.tensorCount + 1n }],
    ['tensors in another order', { ...draft, tensors: swapped }],
    ['no tensors', { ...draft, tensors: [], tensorCount: 0n }],
    ['no entries', { ...draft, entries: [], entryCount: 0n }],
  ];
}

function absences(draft: Draft): Named[] {
  return [
    ...draft.entries.map((gone): Named => [
      `without ${String(gone.key)}`,
      { ...draft, entries: draft.entries.filter((entry) => entry !== gone), entryCount: draft.entryCount - 1n },
    ]),
    ...draft.tensors.map((gone): Named => {
      const name = Buffer.from(`other.${String(gone.name)}`);
      const place = draft.tensors.indexOf(gone);
      return tensorChange(draft, place, 'named otherwise', { name, nameLength: BigInt(name.length) });
    }),
  ];
}

function hyperparameters(draft: Draft): Named[] {
  const numbers: Readonly<Record<string, readonly number[]>> = {
    'general.alignment': [0, 1, 3, 16, 64, 2 ** 31],
    'general.file_type': [99, 2 ** 31],
    'general.quantization_version': [0, 99],
    'llama.attention.head_count': [0, 1, 3, 5, 2 ** 16, 2 ** 32 - 1],
    'llama.attention.head_count_kv': [0, 2, 3, 64, 2 ** 31, 2 ** 32 - 1],
    'llama.attention.key_length': [0, 1, 15, 17, 2 ** 31],
    'llama.attention.sliding_window': [0, 1, 2 ** 31],
    'llama.attention.value_length': [0, 1, 17, 2 ** 31],
    'llama.block_count': [0, 2, 100, 512, 513, 2 ** 32 - 1],
    'llama.context_length': [0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1],
    'llama.embedding_length': [0, 1, 31, 33, 64, 2 ** 31],
    'llama.expert_count': [1, 8, 2 ** 31],
    'llama.expert_used_count': [1, 2 ** 31],
    'llama.feed_forward_length': [0, 31, 64, 2 ** 31],
    'llama.leading_dense_block_count': [1, 2 ** 31],
    'llama.rope.dimension_count': [0, 1, 3, 17, 64, 2 ** 31],
    'llama.vocab_size': [0, 1, 299, 2 ** 31],
    'split.count': [0, 2, 2 ** 31],
    'tokenizer.ggml.bos_token_id': [299, 300, 2 ** 31, 2 ** 32 - 1],
    'tokenizer.ggml.eos_token_id': [300, 2 ** 31, 2 ** 32 - 1],
    'tokenizer.ggml.padding_token_id': [2 ** 31],
    'tokenizer.ggml.token_type_count': [2 ** 31],
  };
  const fractions: Readonly<Record<string, readonly number[]>> = {
    'llama.attention.layer_norm_rms_epsilon': [0, -1, NaN, Infinity],
    'llama.rope.freq_base': [0, -1, NaN, 1e38],
    'llama.rope.scaling.factor': [0, NaN],
  };
  const texts: Readonly<Record<string, readonly string[]>> = {
    'general.architecture': [
      '',
      'none-such',
      'llama\0',
      'clip',
      'bert',
      'mamba',
      'gemma3',
      'qwen2moe',
      'a'.repeat(9000),
    ],
    'general.name': ['\u001B[2J\u0007', '\0', 'a'.repeat(100_000)],
    'llama.rope.scaling.type': ['yarn', 'none-such'],
    'tokenizer.ggml.model': ['', 'none-such', 'none', 'llama', 'bert', 't5', 'rwkv', 'plamo2', 'no_vocab'],
    'tokenizer.ggml.pre': ['', 'none-such', 'default', 'llama-bpe', 'qwen2'],
  };
  return [
    ...each(numbers, (key, value) => withEntry(draft, entryOf(key, VALUE_TYPES.u32, u32(value)), `${value}`)),
    ...each(fractions, (key, value) => withEntry(draft, entryOf(key, VALUE_TYPES.f32, f32(value)), `${value}`)),
    ...each(texts, (key, value) =>
      withEntry(draft, entryOf(key, VALUE_TYPES.string, text(value)), JSON.stringify(value).slice(0, 40)),
    ),
    ...['llama.attention.head_count', 'llama.feed_forward_length'].flatMap((key) =>
      [[], [0], [2], [2 ** 31], [2, 2]].map((items) =>
        withEntry(draft, entryOf(key, VALUE_TYPES.array, list(VALUE_TYPES.u32, items.map(u32))), `[${items.join()}]`),
      ),
    ),
  ];
}

function vocabularies(draft: Draft): Named[] {
  const texts = (key: string, items: readonly (string | Buffer)[]): Entry =>
    entryOf(key, VALUE_TYPES.array, list(VALUE_TYPES.string, items.map(text)));
  const integers = (items: readonly number[]): Entry =>
    entryOf('tokenizer.ggml.token_type', VALUE_TYPES.array, list(VALUE_TYPES.i32, items.map(u32)));
  const numbered = Array.from({ length: 300 }, (_, index) => `t${index}`);
  const tokens: Readonly<Record<string, readonly (string | Buffer)[]>> = {
    none: [],
    one: ['a'],
    fewer: numbered.slice(1),
    more: [...numbered, 'x'],
    alike: numbered.map(() => 'a'),
    empty: numbered.map(() => ''),
    NUL: numbered.map((name) => `\0${name}`),
    'no UTF-8': numbered.map((_, index) => Buffer.from([0xff, 0xfe, index % 256])),
    long: [...numbered.slice(1), 'a'.repeat(500_000)],
    'without bytes': numbered,
  };
  const merges: Readonly<Record<string, readonly string[]>> = {
    none: [],
    'without a space': ['ab', 'cd'],
    unknown: ['zz qq', 'a'],
    empty: ['', ' ', '  '],
    twice: ['a b', 'a b'],
    long: [`${'a'.repeat(200_000)} b`],
  };
  return [
    ...Object.entries(tokens).map(([name, items]) => withEntry(draft, texts('tokenizer.ggml.tokens', items), name)),
    ...Object.entries(merges).map(([name, items]) => withEntry(draft, texts('tokenizer.ggml.merges', items), name)),
    ...[[], [1], numbered.map(() => 0), numbered.map(() => 2 ** 31), numbered.map(() => 3), numbered.map(() => 6)].map(
      (items, index) => withEntry(draft, integers(items), `types ${index}`),
    ),
    ...['tokenizer.ggml.scores'].flatMap((key) =>
      [[], [0], numbered.map(() => NaN)].map((items) =>
        withEntry(draft, entryOf(key, VALUE_TYPES.array, list(VALUE_TYPES.f32, items.map(f32))), `${items.length}`),
      ),
    ),
  ];
}

function templates(draft: Draft): Named[] {
  return [
    '',
    '{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}',
    '{% for message in messages %}',
    '{{ ('.repeat(5000),
    `{{ ${'['.repeat(20_000)}${']'.repeat(20_000)} }}`,
    '{{ messages[0].content.__class__ }}',
    '{{ raise_exception("no") }}',
    'a\0b{{ messages }}',
    'x'.repeat(900_000),
    `{{ '\u001B[2J' }}`,
  ].map((source, index) => withTemplate(draft, source, `template ${index}`));
}

function endlessTemplates(draft: Draft): Named[] {
  return [
    '{% for i in range(1000000000) %}{% for j in range(1000000000) %}x{% endfor %}{% endfor %}',
    `{% set ns = namespace(x='aaaaaaaa') %}{% for i in range(64) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x }}`,
    '{{ "a" * 1000000000 }}',
  ].map((source, index) => withTemplate(draft, source, `endless template ${index}`));
}

function withTemplate(draft: Draft, source: string, what: string): Named {
  return withEntry(draft, entryOf('tokenizer.chat_template', VALUE_TYPES.string, text(source)), what);
}

function weights(draft: Draft): Named[] {
  return [
    ['weights that are no numbers', { ...draft, data: Buffer.alloc(draft.data.length, 0xff) }],
    ['weights of 0', { ...draft, data: Buffer.alloc(draft.data.length) }],
    ['more data than tensors', { ...draft, data: Buffer.concat([draft.data, Buffer.alloc(100_000)]) }],
    ['no data', { ...draft, data: Buffer.alloc(0) }],
    ['data without its end', { ...draft, data: draft.data.subarray(0, -32) }],
  ];
}

function truncations(valid: Buffer): MutatedModel[] {
  return Array.from({ length: TRUNCATIONS }, (_, index) => {
    const length = Math.floor((valid.length * index ** 2) / TRUNCATIONS ** 2);
    return { name: `cut after ${length} bytes`, bytes: valid.subarray(0, length) };
  });
}

function flips(valid: Buffer, seed: number): MutatedModel[] {
  const random = seeded(seed);
  const headerBytes = valid.length - readDraft(valid).data.length;
  return Array.from({ length: RANDOM_FILES }, (_, index) => {
    const bytes = Buffer.from(valid);
    for (let flip = 0; flip < FLIPS_EACH; flip++) {
      const at = Math.floor(random() * headerBytes);
      bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << Math.floor(random() * 8)), at);
    }
    return { name: `flips ${index} of seed ${seed}`, bytes };
  });
}

function entryChange(draft: Draft, place: number, what: string, change: Partial<Entry>): Named {
  const entries = draft.entries.map((entry, index) => (index === place ? { ...entry, ...change } : entry));
  return [`entry ${place}: ${what}`, { ...draft, entries }];
}

function keyChange(draft: Draft, key: string, what: string, change: Partial<Entry>): Named {
  const entries = draft.entries.map((entry) => (String(entry.key) === key ? { ...entry, ...change } : entry));
  return [`${key}: ${what}`, { ...draft, entries }];
}

function tensorChange(draft: Draft, place: number, what: string, change: Partial<TensorEntry>): Named {
  const changed = draft.tensors.map((tensor, index) => (index === place ? { ...tensor, ...change } : tensor));
  return [`tensor ${place}: ${what}`, { ...draft, tensors: changed }];
}

/** Replaces bytes within a value. */
function patch(draft: Draft, key: string, what: string, at: number, bytes: Buffer): Named {
  const { value = Buffer.alloc(0) } = draft.entries.find((entry) => String(entry.key) === key) ?? {};
  return keyChange(draft, key, what, {
    value: Buffer.concat([value.subarray(0, at), bytes, value.subarray(at + bytes.length)]),
  });
}

/** Replaces the entry with that key, or appends a new one. */
function withEntry(draft: Draft, entry: Entry, what: string): Named {
  const isThere = draft.entries.some(({ key }) => key.equals(entry.key));
  const name = `${String(entry.key)}: ${what}`;
  if (isThere)
    return [name, { ...draft, entries: draft.entries.map((one) => (one.key.equals(entry.key) ? entry : one)) }];
  return [name, { ...draft, entries: [...draft.entries, entry], entryCount: draft.entryCount + 1n }];
}

function list(type: number, items: readonly Buffer[]): Buffer {
  return Buffer.concat([u32(type), u64(BigInt(items.length)), ...items]);
}

function each<Value>(
  all: Readonly<Record<string, readonly Value[]>>,
  make: (key: string, value: Value) => Named,
): Named[] {
  return Object.entries(all).flatMap(([key, values]) => values.map((value) => make(key, value)));
}

/** A generator of the same numbers every time (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

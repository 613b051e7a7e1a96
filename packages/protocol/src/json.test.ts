import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ShoalError } from './error.ts';
import { encodeObject, type JsonObject, parseObject, parseStrictObject } from './json.ts';
import { MAX_JSON_DEPTH, MAX_JSON_ITEMS } from './json-cost.ts';
import { MAX_LOGPROBS, MAX_MESSAGES, MAX_TOOLS } from './request-fields/index.ts';
import { LOGPROBS_OF_CHUNK_MAX } from './shoal/logprobs.ts';

const MIB = 1024 * 1024;
const isBadMessage = (error: unknown): boolean => error instanceof ShoalError && error.code === 'BAD_MESSAGE';

test('anything but a JSON object is a bad message', () => {
  for (const text of ['', '{', '[]', 'null', '1', '"{}"', '{"a":}', '{} {}', '\u0000']) {
    assert.throws(() => parseObject(Buffer.from(text)), isBadMessage);
  }
});

test('objects may nest up to the limit and no deeper', () => {
  const nested = (depth: number): Buffer => Buffer.from(`${'{"a":'.repeat(depth - 1)}{}${'}'.repeat(depth - 1)}`);
  parseObject(nested(MAX_JSON_DEPTH));
  assert.throws(() => parseObject(nested(MAX_JSON_DEPTH + 1)), isBadMessage);
  assert.throws(() => parseObject(Buffer.from('['.repeat(1_000_000))), isBadMessage);
});

test('brackets inside strings do not count as nesting', () => {
  const message = { text: '[{'.repeat(100), quote: '\\"[[['.repeat(20) };
  assert.deepEqual(parseObject(encodeObject(message)), message);
});

test('a message may have as many items as the limit and no more', () => {
  const message = (items: number): Buffer => Buffer.from(`{"a":[${Array(items).fill('0').join()}]}`);
  // The object, the array, and a comma before each element but the first.
  parseObject(message(MAX_JSON_ITEMS - 1));
  assert.throws(() => parseObject(message(MAX_JSON_ITEMS)), isBadMessage);
  assert.deepEqual(parseObject(Buffer.from(JSON.stringify({ a: ','.repeat(MAX_JSON_ITEMS) }))), {
    a: ','.repeat(MAX_JSON_ITEMS),
  });
});

/** Returns a list in an object, of at most `bytes` bytes. */
function listOf(unit: (index: number) => string, bytes: number): Buffer {
  const units: string[] = [];
  let left = bytes - '{"list":[]}'.length;
  for (let next = unit(0); next.length < left; next = unit(units.length)) {
    units.push(next);
    left -= next.length + 1;
  }
  return Buffer.from(`{"list":[${units.join()}]}`);
}

const repeated = <Item>(count: number, item: (index: number) => Item): Item[] =>
  Array.from({ length: count }, (_, index) => item(index));

const HONEST: Readonly<Record<string, JsonObject>> = {
  'a list of small token ids': { tokens: repeated(350_000, (index) => index % 100) },
  'a list of large token ids': { tokens: repeated(140_000, (index) => 100_000 + index) },
  'a history of short messages': {
    messages: repeated(MAX_MESSAGES, (index) => ({ role: index % 2 ? 'assistant' : 'user', content: 'ok' })),
  },
  'a history of tool calls': {
    messages: repeated(MAX_MESSAGES / 2, (index) => [
      {
        role: 'assistant',
        tool_calls: [{ id: `call_${index}`, name: 'read_file', arguments: `{"path":"src/file-${index}.ts"}` }],
      },
      {
        role: 'tool',
        content: 'import { readFile } from "node:fs/promises"; '.repeat(4),
        tool_call_id: `call_${index}`,
      },
    ]).flat(),
  },
  'many tools with large schemas': {
    tools: repeated(MAX_TOOLS, (tool) => ({
      name: `tool_${tool}`,
      description: 'Does something with the fields below.',
      parameters: {
        type: 'object',
        properties: Object.fromEntries(
          repeated(30, (field) => [`field_${field}`, { type: 'string', description: `What field ${field} is about.` }]),
        ),
      },
    })),
  },
  'a schema of many constants': { schema: { enum: repeated(40_000, (index) => index.toString(36)) } },
  'many biases': { logit_bias: repeated(1024, (index) => [index, -1]) },
  'log probabilities': {
    logprobs: repeated(LOGPROBS_OF_CHUNK_MAX, (index) => ({
      id: index,
      token: ' word',
      logprob: -1.234_567_89,
      top_logprobs: repeated(MAX_LOGPROBS, (other) => ({ id: other, token: 'a', logprob: -2.345_678_9 })),
    })),
  },
  'a hello with many models': {
    models: repeated(256, (index) => ({
      id: `model-${index}`,
      digest: `sha256:${'ab'.repeat(32)}`,
      context_length: 4096,
      abilities: ['tools', 'json', 'logprobs', 'embeddings', 'reasoning'],
    })),
  },
  'texts to embed': { embed: repeated(2048, (index) => `text ${index}`) },
};

for (const [what, message] of Object.entries(HONEST)) {
  test(`${what} may be as large as it gets`, () => {
    assert.deepEqual(parseObject(encodeObject(message)), message);
  });
}

const HOSTILE: Readonly<Record<string, (index: number) => string>> = {
  'empty lists': () => '[]',
  'nested lists': () => `${'['.repeat(29)}${']'.repeat(29)}`,
  'empty objects': () => '{}',
  'objects with other keys': (index) => `{"${index.toString(36)}":0}`,
  'nested objects': () => `${'{"a":'.repeat(28)}0${'}'.repeat(28)}`,
  'short strings': (index) => `"${index.toString(36)}"`,
};

for (const [what, unit] of Object.entries(HOSTILE)) {
  test(`a megabyte of ${what} is refused, and a small message of them is not`, () => {
    assert.throws(() => parseObject(listOf(unit, MIB)), isBadMessage);
    assert.throws(() => parseObject(listOf(unit, 8 * MIB)), isBadMessage);
    parseObject(listOf(unit, 32 * 1024));
    strict(String(listOf(unit, MIB)));
  });
}

test('a string of escapes is read in linear time', () => {
  const text = '\\"'.repeat(500_000);
  assert.deepEqual(parseObject(encodeObject({ text })), { text });
  assert.throws(() => parseObject(Buffer.from(`{"a":"${'\\"'.repeat(500_000)}`)), isBadMessage);
});

test('a __proto__ key changes no prototype', () => {
  const message = parseObject(Buffer.from('{"__proto__":{"polluted":true},"a":1}'));
  assert.equal(Reflect.get({}, 'polluted'), undefined);
  assert.equal(Object.getPrototypeOf(message), Object.prototype);
});

test('every object survives encoding and parsing', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 })), (message) => {
      const text = JSON.stringify(message);
      assert.equal(JSON.stringify(parseObject(encodeObject(message))), text);
    }),
  );
});

const strict = (text: string): JsonObject => parseStrictObject(text, Buffer.from(text));

test('a key that is there twice is refused by the strict parser, wherever and however it is written', () => {
  for (const text of ['{"a":1,"a":2}', '{"a":[{"b":1},{"c":1,"c":1}]}', '{"a":1,"\\u0061":2}', '{"":1,"":2}']) {
    assert.throws(() => strict(text), isBadMessage, text);
  }
  for (const text of ['{"a":{"a":1},"b":{"a":["a","a"]}}', '{"a":"a","b":"a"}', '{"a\\"":1,"a":[[],{}]}', '{}']) {
    assert.deepEqual(strict(text), JSON.parse(text));
  }
});

test('the strict parser reads what the other one reads', () => {
  const object = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 5 }));
  fc.assert(
    fc.property(object, (value) => {
      assert.deepEqual(strict(JSON.stringify(value)), JSON.parse(JSON.stringify(value)));
    }),
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  contradictionIn,
  MAX_DEADLINE_MS,
  MAX_EMBED_TEXTS,
  MAX_KEEP_ALIVE_MS,
  MAX_LOGIT_BIAS,
  MAX_LOGIT_BIASES,
  MAX_LOGPROBS,
  MAX_MESSAGES,
  MAX_STOP_STRINGS,
  MAX_TOKENS,
  MAX_TOOL_CALL_ID_LENGTH,
  MAX_TOOL_CALLS,
  MAX_TOOL_NAME_LENGTH,
  MAX_TOOLS,
  SAMPLING,
} from '@shoal/protocol';
import { ShoalError } from '@shoal/protocol/error';
import { promptRequest } from '../api/prompt-request.ts';
import { parsePromptRequest } from './prompt-request.ts';

const JUNK = [null, true, 0, -1, 0.5, 1e300, '', 'x', [], ['x'], {}, { x: 1 }, [[1, 1]]];
const token = (most: number): unknown[] => [[0], [most], [most + 1], [-1], [0.5], ['1']];

const call = { id: '', name: 'add', arguments: '{' };
const calls = [
  call,
  { ...call, name: '' },
  { ...call, name: 'n'.repeat(MAX_TOOL_NAME_LENGTH + 1) },
  { ...call, id: 'i'.repeat(MAX_TOOL_CALL_ID_LENGTH + 1) },
  { ...call, arguments: {} },
  { ...call, type: 'function' },
  { id: '1', name: 'add' },
];
const messages = [
  ...['system', 'user', 'assistant', 'tool', 'developer'].flatMap((role) => [
    { role, content: '' },
    { role },
    { role, content: null },
    { role, content: '', name: 'x' },
    { role, content: '', toolCallId: 'a' },
    { role, content: '', toolCalls: [] },
    { role, toolCalls: [] },
    { role, toolCalls: [call] },
  ]),
  { role: 'tool', content: '', toolCallId: 'i'.repeat(MAX_TOOL_CALL_ID_LENGTH + 1) },
  ...calls.map((each) => ({ role: 'assistant', toolCalls: [each] })),
  ...[0, 1].map((more) => ({ role: 'assistant', toolCalls: repeated(call, MAX_TOOL_CALLS + more) })),
];
const user = { role: 'user', content: 'Hi' };
const tool = { name: 'add' };

/** Values of each field of a request, good ones and bad ones. Those of `JUNK` are added. */
const FIELDS: Readonly<Record<string, readonly unknown[]>> = {
  model: ['tiny', 'sha256:0'],
  input: [
    ...messages.map((message) => ({ type: 'messages', messages: [message] })),
    ...[0, MAX_MESSAGES, MAX_MESSAGES + 1].map((length) => ({ type: 'messages', messages: repeated(user, length) })),
    ...[0, MAX_EMBED_TEXTS, MAX_EMBED_TEXTS + 1].map((length) => ({ type: 'embeddings', texts: repeated('', length) })),
    { type: 'embeddings', texts: [1] },
    { type: 'text', text: '' },
    { type: 'text' },
    { type: 'text', text: '', messages: [user] },
    { type: 'image', text: '' },
    { messages: [user] },
    ...[[], ...token(MAX_TOKENS)].map((tokens) => ({ type: 'tokens', tokens })),
  ],
  sampling: [
    { top_p: 1 },
    ...Object.entries(SAMPLING).flatMap(([name, field]) =>
      (field.kind === 'biases' ? biases() : [...JUNK, ...around(field.least), ...around(field.most)]).map((value) => ({
        [name]: value,
      })),
    ),
  ],
  stop: [['x'], [''], [1], repeated('x', MAX_STOP_STRINGS), repeated('x', MAX_STOP_STRINGS + 1)],
  tools: [
    [tool],
    [{ ...tool, description: '', parameters: { not: {} } }],
    [{ ...tool, parameters: [] }],
    [{ ...tool, description: null }],
    [{ ...tool, type: 'function' }],
    [{ name: '' }],
    [{ name: 'n'.repeat(MAX_TOOL_NAME_LENGTH) }],
    [{ name: 'n'.repeat(MAX_TOOL_NAME_LENGTH + 1) }],
    repeated(tool, MAX_TOOLS),
    repeated(tool, MAX_TOOLS + 1),
  ],
  toolChoice: [
    'auto',
    'none',
    'required',
    'any',
    { name: 'add' },
    { name: 'sub' },
    { name: '' },
    { name: 'add', x: 1 },
  ],
  parallelToolCalls: [false],
  format: [
    { type: 'json' },
    { type: 'json', schema: {} },
    { type: 'json_schema', schema: {} },
    { type: 'json_schema', schema: [] },
    { type: 'json_schema' },
    { type: 'text' },
  ],
  logprobs: around(MAX_LOGPROBS),
  reasoning: [false],
  contextLength: around(MAX_TOKENS),
  keepAliveMs: [-2, ...around(MAX_KEEP_ALIVE_MS)],
  countOnly: [false],
  resume: [{ text: '' }, { text: '', tokens: [1] }, { tokens: [1] }, { text: '', tokens: null }, { text: '', x: 1 }],
  deadlineMs: around(MAX_DEADLINE_MS),
  unknown: [],
};
const FULL = { input: { type: 'messages', messages: [user] }, sampling: {}, stop: [] };

test('the schema of the document and the reader accept the same fields', () => {
  const outcomes = { accepted: 0, refused: 0 };
  for (const [name, values] of Object.entries(FIELDS)) {
    for (const value of [...values, ...JUNK]) {
      outcomes[agreed({ request: { ...FULL, [name]: value } }) ? 'accepted' : 'refused'] += 1;
    }
  }
  assert.ok(outcomes.accepted > 80 && outcomes.refused > 200, JSON.stringify(outcomes));
});

test('the schema of the document and the reader accept the same requests', () => {
  const shape = Object.entries(FIELDS).map(([name, values]) => [name, fc.constantFrom(...JUNK, ...values)] as const);
  const request = fc.record(Object.fromEntries(shape), { requiredKeys: [] });
  const isWhole = fc.boolean();
  fc.assert(
    fc.property(request, isWhole, (fields, whole) => {
      agreed({ request: whole ? { ...FULL, ...fields } : fields });
    }),
  );
});

test('the schema of the document and the reader accept the same bodies', () => {
  for (const request of Object.keys(FULL).map((name) => ({ ...FULL, [name]: undefined }))) {
    assert.equal(agreed(JSON.parse(JSON.stringify({ request }))), false);
  }
  assert.equal(agreed({ request: FULL, cluster: '' }), true);
  for (const value of JUNK) assert.equal(agreed({ request: value }), false);
  for (const value of [null, 1, [], {}]) assert.equal(agreed({ request: FULL, cluster: value }), false);
  assert.equal(agreed({ request: FULL, stream: true }), false);
  assert.equal(agreed({}), false);
});

/** Returns true if the reader accepts the body. The schema must do the same, except for what fields say about each other. */
function agreed(body: object): boolean {
  const parsed = promptRequest.safeParse(body);
  const isExpected = parsed.success && contradictionIn(parsed.data.request) === undefined;
  const fault = faultOf(body);
  assert.equal(fault === undefined, isExpected, `${shortened(body)}: ${fault}, ${String(parsed.error)}`);
  return isExpected;
}

/** Returns why the reader refuses a body. Undefined if it does not. */
function faultOf(body: object): string | undefined {
  try {
    parsePromptRequest(body);
    return undefined;
  } catch (thrown) {
    assert.ok(thrown instanceof ShoalError && thrown.code === 'INVALID_REQUEST', String(thrown));
    return thrown.message;
  }
}

function shortened(body: object): string {
  return JSON.stringify(body).slice(0, 500);
}

/** Numbers at a limit and near it. */
function around(limit: number): readonly number[] {
  return [limit - 1, limit - 0.5, limit, limit + 0.001, limit + 1];
}

function biases(): readonly unknown[] {
  const pairs = [
    [0, MAX_LOGIT_BIAS],
    [0, -MAX_LOGIT_BIAS],
    [0, MAX_LOGIT_BIAS + 1],
    [MAX_TOKENS, 0.5],
    [MAX_TOKENS + 1, 0],
  ];
  const wrong = [[-1, 0], [0.5, 0], [0], [0, 0, 0], ['0', 0], { 0: 0, 1: 0 }];
  const long = [0, 1].map((more) => repeated([1, 1], MAX_LOGIT_BIASES + more));
  return [[], ...[...pairs, ...wrong].map((pair) => [pair]), ...long, { 0: 1 }, null];
}

function repeated(value: unknown, length: number): readonly unknown[] {
  return Array.from({ length }, () => value);
}

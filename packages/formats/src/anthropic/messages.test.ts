import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Message } from '@shoal/protocol/request';
import { BodyFields } from '../body-fields.ts';
import { readConversation } from './messages.ts';

const TEXT = { type: 'text', text: 'Hello' };
const USER = { role: 'user', content: 'Hello' } as const;

function read(messages: readonly object[], system?: unknown): readonly Message[] {
  return readConversation(new BodyFields({ messages, system }, '', 'The body')).messages;
}

/** The message that one block of the user becomes. */
function result(fields: object): string | undefined {
  return read([{ role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a', ...fields }] }])[0]?.content;
}

test('the system prompt is a text or blocks, without the billing header', () => {
  const billing = { type: 'text', text: 'x-anthropic-billing-header: cc_version=2.1;' };
  const system = [billing, { type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }, TEXT];
  assert.deepEqual(read([USER], system), [{ role: 'system', content: 'Be brief.\n\nHello' }, USER]);
  assert.deepEqual(read([USER], 'Be brief.'), [{ role: 'system', content: 'Be brief.' }, USER]);
  for (const empty of [undefined, null, '', [], [billing]]) assert.deepEqual(read([USER], empty), [USER]);
});

test('leading system messages join the system prompt, and later ones become text of the user', () => {
  const system = (content: string) => ({ role: 'system', content, output_config: { effort: 'low' } });
  const conversation = [
    system('Two.'),
    USER,
    { role: 'system', content: [TEXT] },
    { role: 'assistant', content: 'Hi' },
  ];
  assert.deepEqual(read(conversation, 'One.'), [
    { role: 'system', content: 'One.\n\nTwo.' },
    { role: 'user', content: 'Hello\n\nHello' },
    { role: 'assistant', content: 'Hi' },
  ]);
});

test('a system message for one turn is left out after the next message of the user', () => {
  const reminder = { role: 'system', content: 'Hurry.', clear_at: 'next_user_message' };
  const hurried = { role: 'user', content: 'Hello\n\nHurry.' };
  const answer = { role: 'assistant', content: 'Hi' };
  assert.deepEqual(read([USER, reminder]), [hurried]);
  assert.deepEqual(read([USER, reminder, answer]), [hurried, answer]);
  assert.deepEqual(read([USER, reminder, answer, USER]), [USER, answer, USER]);
});

test('a tool round trip becomes calls, results and then the text of the user', () => {
  const use = (id: string, input: object) => ({
    type: 'tool_use',
    id,
    name: 'weather',
    input,
    caller: { type: 'direct' },
  });
  const conversation = [
    USER,
    {
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: 'Hm.', signature: '' },
        { type: 'redacted_thinking', data: 'x' },
        TEXT,
        use('a', { city: 'Oslo' }),
        { type: 'server_tool_use', id: 's', name: 'web_search', input: {} },
        { type: 'web_search_tool_result', tool_use_id: 's', content: [] },
        use('b', {}),
      ],
    },
    {
      role: 'user',
      content: [
        TEXT,
        { type: 'tool_result', tool_use_id: 'a', content: 'Rain' },
        { type: 'tool_result', tool_use_id: 'b' },
        TEXT,
      ],
    },
  ];
  const toolCalls = [
    { id: 'a', name: 'weather', arguments: '{"city":"Oslo"}' },
    { id: 'b', name: 'weather', arguments: '{}' },
  ];
  assert.deepEqual(read(conversation), [
    USER,
    { role: 'assistant', content: 'Hello', toolCalls },
    { role: 'tool', content: 'Rain', toolCallId: 'a' },
    { role: 'tool', content: '', toolCallId: 'b' },
    { role: 'user', content: 'Hello\n\nHello' },
  ]);
});

test('the result of a tool is the text of its blocks', () => {
  const reference = { type: 'tool_reference', tool_name: 'fetch' };
  const found = { type: 'search_result', source: 's', title: 't', content: [TEXT, TEXT] };
  assert.equal(result({ content: 'Rain' }), 'Rain');
  assert.equal(result({ content: [TEXT, TEXT] }), 'Hello\n\nHello');
  assert.equal(result({ content: [reference, found] }), 'The tool "fetch" is available.\n\nHello\n\nHello');
  assert.equal(
    result({
      content: [
        { type: 'new', text: 'known' },
        { type: 'newer', data: 1 },
      ],
    }),
    'known',
  );
  assert.equal(result({ content: [TEXT], is_error: true }), 'Error: Hello');
  assert.equal(result({ content: [TEXT], is_error: false }), 'Hello');
});

test('messages of one role in a row are one turn', () => {
  const call = { type: 'tool_use', id: 'a', name: 'f', input: {} };
  const conversation = [USER, { role: 'user', content: [TEXT] }, { role: 'assistant', content: 'Hi' }];
  assert.deepEqual(read([...conversation, { role: 'assistant', content: [call] }]), [
    { role: 'user', content: 'Hello\n\nHello' },
    { role: 'assistant', content: 'Hi', toolCalls: [{ id: 'a', name: 'f', arguments: '{}' }] },
  ]);
});

test('an assistant message without text or calls stays in the conversation', () => {
  const thought = { role: 'assistant', content: [{ type: 'thinking', thinking: 'Hm.' }] };
  assert.deepEqual(read([USER, thought, USER]), [USER, { role: 'assistant', content: '' }, USER]);
});

const inUser = (block: unknown) => [{ role: 'user', content: [block] }];
const inResult = (content: unknown) => inUser({ type: 'tool_result', tool_use_id: 'a', content });

for (const [problem, messages, message] of [
  ['messages that are no list', 'Hi', /^"messages" must be a list/],
  ['no message', [], /^"messages" must be a list of 1 to/],
  ['no content at all', [{ role: 'system', content: [] }], /^"messages" must have a message/],
  ['an unknown role', [{ role: 'tool', content: '' }], /^"messages\[0\]\.role" must be/],
  ['a message without content', [{ role: 'user' }], /^"messages\[0\]\.content" is missing/],
  ['content that is a number', [{ role: 'user', content: 5 }], /^"messages\[0\]\.content" must be/],
  ['a block that is a text', [USER, { role: 'assistant', content: ['Hi'] }], /^"messages\[1\]\.content\[0\]" must be/],
  ['a block without a type', inUser({ text: 'Hi' }), /^"messages\[0\]\.content\[0\]\.type" is missing/],
  ['a text block without text', inUser({ type: 'text' }), /^"messages\[0\]\.content\[0\]\.text" is missing/],
  ['an image', inUser({ type: 'image', source: {} }), /^"messages\[0\]\.content\[0\]\.type": images are not supported/],
  ['a document', inUser({ type: 'document' }), /content\[0\]\.type": documents are not supported/],
  [
    'an image in a result',
    inResult([{ type: 'image' }]),
    /content\[0\]\.content\[0\]\.type": images are not supported/,
  ],
  ['an unknown block', inUser({ type: 'video' }), /^"messages\[0\]\.content\[0\]\.type": Input tag 'video' found/],
  ['a call of the user', inUser({ type: 'tool_use', id: 'a', name: 'f', input: {} }), /Input tag 'tool_use'/],
  ['a result without a call', inUser({ type: 'tool_result' }), /content\[0\]\.tool_use_id" is missing/],
  ['an error flag that is a text', inUser({ type: 'tool_result', is_error: 'no' }), /is_error" must be true or false/],
  ['a call without a name', [{ role: 'assistant', content: [{ type: 'tool_use', id: 'a' }] }], /\.name" is missing/],
  [
    'arguments that are no object',
    [{ role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'f', input: '{}' }] }],
    /^"messages\[0\]\.content\[0\]\.input" must be a JSON object/,
  ],
] as const) {
  test(`${problem}: the error names the field`, () => {
    const body = new BodyFields({ messages }, '', 'The body');
    assert.throws(() => readConversation(body), { code: 'INVALID_REQUEST', message });
  });
}

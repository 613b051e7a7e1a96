import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Message } from '@shoal/protocol/request';
import { bodyFields } from './calls/fields.ts';
import { readMessages, writeMessages } from './messages.ts';

test('messages that the client direction writes are read as the same messages', () => {
  const messages: readonly Message[] = [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'How is the weather?' },
    { role: 'assistant', content: '', toolCalls: [{ id: 'x', name: 'weather', arguments: '{"city":"Oslo"}' }] },
    { role: 'tool', content: 'Rain.', toolCallId: 'x' },
  ];
  assert.deepEqual(read(writeMessages(messages)), messages);
});

test('calls without ids get the same ids in every request, and results belong to them by name, then in order', () => {
  const call = (name: string, id?: string) => ({ id, function: { name, arguments: {} } });
  const result = (fields: object) => ({ role: 'tool', content: '', ...fields });
  const messages = read([
    { role: 'assistant', tool_calls: [call('a'), call('b'), call('c', 'given')] },
    result({ tool_name: 'b' }),
    result({}),
    result({ tool_call_id: 'given' }),
    result({}),
    { role: 'assistant', tool_calls: [call('a'), call('a')] },
    result({ tool_name: 'a' }),
    result({ tool_name: 'other' }),
    result({ tool_call_id: 'foreign' }),
  ]);
  const calls = messages.flatMap((message) => (message.role === 'assistant' ? (message.toolCalls ?? []) : []));
  assert.deepEqual(
    calls.map(({ id }) => id),
    ['call_0', 'call_1', 'given', 'call_3', 'call_4'],
  );
  assert.deepEqual(
    messages.flatMap((message) => (message.role === 'tool' ? [message.toolCallId] : [])),
    ['call_1', 'call_0', 'given', undefined, 'call_3', 'call_4', 'foreign'],
  );
});

test('roles may be in upper case, content and arguments may be missing, and thinking is left out', () => {
  assert.deepEqual(
    read([
      { role: 'USER' },
      { role: 'Assistant', content: 'Hm', thinking: 'Long.', tool_calls: [{ function: { name: 'a' } }] },
    ]),
    [
      { role: 'user', content: '' },
      { role: 'assistant', content: 'Hm', toolCalls: [{ id: 'call_0', name: 'a', arguments: '{}' }] },
    ],
  );
});

test('later system messages become user text', () => {
  const system = { role: 'system', content: 's' };
  assert.deepEqual(read([system, { role: 'user', content: 'u' }, system]), [
    system,
    { role: 'user', content: 'u\n\ns' },
  ]);
});

test('a malformed call is an INVALID_REQUEST that names the field', () => {
  const wrong: readonly (readonly [RegExp, unknown])[] = [
    [/"messages\[0\]\.tool_calls"/, {}],
    [/"messages\[0\]\.tool_calls\[0\]\.function" is missing/, [{}]],
    [/"messages\[0\]\.tool_calls\[0\]\.function\.name"/, [{ function: {} }]],
    [/"messages\[0\]\.tool_calls\[0\]\.function\.arguments"/, [{ function: { name: 'a', arguments: '{}' } }]],
    [/"messages\[0\]\.tool_calls\[0\]\.id"/, [{ id: 5, function: { name: 'a' } }]],
  ];
  for (const [message, calls] of wrong) {
    assert.throws(() => read([{ role: 'assistant', tool_calls: calls }]), { code: 'INVALID_REQUEST', message });
  }
});

function read(messages: readonly object[]): readonly Message[] {
  return readMessages(bodyFields({ messages }));
}

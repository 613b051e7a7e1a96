import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Message, ToolCall } from '@shoal/protocol/request';
import { BodyFields } from '../../body-fields.ts';
import { messagesOf, readInput } from './messages.ts';

/** Returns the messages that the model gets for this input. */
function messagesFor(input: unknown, instructions = ''): readonly Message[] {
  return messagesOf(readInput(new BodyFields({ input }, '', 'The body'), []), instructions);
}

function call(id: string): object {
  return { type: 'function_call', id: `fc_${id}`, call_id: id, name: 'read', arguments: '{}', status: 'completed' };
}

function output(id: string, result: unknown): object {
  return { type: 'function_call_output', call_id: id, output: result };
}

function called(id: string): ToolCall {
  return { id, name: 'read', arguments: '{}' };
}

const user = (content: string): Message => ({ role: 'user', content });
const system = (content: string): Message => ({ role: 'system', content });
const assistant = (content: string): Message => ({ role: 'assistant', content });

test('a text is one user message', () => {
  assert.deepEqual(messagesFor('Hi.'), [user('Hi.')]);
});

test('messages have a text or parts of text, and need no type', () => {
  const input = [
    { role: 'user', content: 'One' },
    {
      type: 'message',
      role: 'assistant',
      id: 'msg_1',
      status: 'completed',
      content: [outputPart('Two'), outputPart('!')],
    },
    { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Three' }] },
    { role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }] },
    { role: 'user', content: [] },
  ];
  assert.deepEqual(messagesFor(input), [user('One'), assistant('Two!'), user('Three'), assistant('No.'), user('')]);
});

test('instructions and the system and developer messages after them are one system message', () => {
  const input = [
    { role: 'developer', content: 'B' },
    { role: 'system', content: 'C' },
    { role: 'user', content: 'Hi.' },
  ];
  assert.deepEqual(messagesFor(input, 'A'), [system('A\n\nB\n\nC'), user('Hi.')]);
  assert.deepEqual(messagesFor(input), [system('B\n\nC'), user('Hi.')]);
});

test('a later developer message is user text at its place', () => {
  const input = [
    { role: 'user', content: 'A' },
    { role: 'assistant', content: 'B' },
    { role: 'developer', content: 'C' },
    { role: 'user', content: 'D' },
  ];
  assert.deepEqual(messagesFor(input), [user('A'), assistant('B'), user('C\n\nD')]);
});

test('function calls in a row and the message beside them are one assistant message', () => {
  const text = { role: 'assistant', content: 'Reading.' };
  const toolCalls = [called('a'), called('b')];
  const results: Message[] = [
    { role: 'tool', content: 'x', toolCallId: 'a' },
    { role: 'tool', content: 'yz', toolCallId: 'b' },
  ];
  const outputs = [
    output('a', 'x'),
    output('b', [
      { type: 'input_text', text: 'y' },
      { type: 'input_text', text: 'z' },
    ]),
  ];
  const withText: Message = { role: 'assistant', content: 'Reading.', toolCalls };
  assert.deepEqual(messagesFor([text, call('a'), call('b'), ...outputs]), [withText, ...results]);
  assert.deepEqual(messagesFor([call('a'), call('b'), text, ...outputs]), [withText, ...results]);
  const withoutText: Message = { role: 'assistant', content: '', toolCalls };
  assert.deepEqual(messagesFor([user('Go.'), call('a'), call('b'), ...outputs]), [
    user('Go.'),
    withoutText,
    ...results,
  ]);
});

test('calls that follow an output are another message', () => {
  assert.deepEqual(messagesFor([call('a'), output('a', 'x'), call('b'), output('b', '')]), [
    { role: 'assistant', content: '', toolCalls: [called('a')] },
    { role: 'tool', content: 'x', toolCallId: 'a' },
    { role: 'assistant', content: '', toolCalls: [called('b')] },
    { role: 'tool', content: '', toolCallId: 'b' },
  ]);
});

test('items of other types are skipped, with their outputs', () => {
  const input = [
    { role: 'user', content: 'Go.' },
    { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'gAAAA' },
    call('a'),
    { type: 'reasoning', id: 'rs_2', summary: [{ type: 'summary_text', text: 'Hm.' }] },
    call('b'),
    { type: 'local_shell_call', call_id: 'c', status: 'completed', action: { type: 'exec', command: ['ls'] } },
    { type: 'custom_tool_call', call_id: 'd', name: 'apply_patch', input: '***' },
    output('a', 'x'),
    output('b', 'y'),
    output('c', 'z'),
    { type: 'custom_tool_call_output', call_id: 'd', output: 'Done.' },
    { type: 'web_search_call', status: 'completed' },
    { type: 'of_the_future' },
  ];
  assert.deepEqual(messagesFor(input), [
    user('Go.'),
    { role: 'assistant', content: '', toolCalls: [called('a'), called('b')] },
    { role: 'tool', content: 'x', toolCallId: 'a' },
    { role: 'tool', content: 'y', toolCallId: 'b' },
  ]);
});

test('bytes beyond text are refused where they are', () => {
  const image = { type: 'input_image', image_url: 'data:image/png;base64,AA==' };
  for (const type of ['input_image', 'input_file', 'input_audio', 'of_the_future']) {
    assert.throws(() => messagesFor([{ role: 'user', content: [outputPart('Look.'), { ...image, type }] }]), {
      code: 'INVALID_REQUEST',
      message: /^"input\[0\]\.content\[1\]\.type" is not supported/,
    });
  }
  assert.throws(() => messagesFor([call('a'), output('a', [image])]), { message: /^"input\[1\]\.output\[0\]\.type"/ });
});

function outputPart(text: string): object {
  return { type: 'output_text', text, annotations: [] };
}

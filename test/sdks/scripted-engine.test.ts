import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InferenceEvent } from '@shoal/protocol';
import type { InferenceRequest, Message } from '@shoal/protocol/request';
import { createScripted } from './scripted-engine.ts';
import { GREETING, numbers } from './script.ts';

const TOOLS = [{ name: 'Bash' }, { name: 'weather' }];

async function ask(content: string, more: Partial<InferenceRequest> = {}): Promise<readonly InferenceEvent[]> {
  const messages: readonly Message[] = [{ role: 'user', content }];
  const request: InferenceRequest = { input: { type: 'messages', messages }, sampling: {}, stop: [], ...more };
  return Array.fromAsync(createScripted().generate(request, new AbortController().signal));
}

function textOf(events: readonly InferenceEvent[]): string {
  return events.map((event) => (event.type === 'text' ? event.text : '')).join('');
}

function endOf(events: readonly InferenceEvent[]): string | undefined {
  const last = events.at(-1);
  return last?.type === 'finish' ? last.reason : last?.type === 'error' ? last.error.code : undefined;
}

test('a script is followed wherever it stands in the message, and another message is greeted', async () => {
  const counted = await ask('Be kind.\n"script: count to 12"\nThank you.');
  assert.deepEqual([textOf(counted), endOf(counted)], [numbers(12), 'stop']);
  assert.equal(textOf(await ask('Hello?')), GREETING);
  assert.equal(
    textOf(await ask('script: count to 12', { resume: { text: '1 2 ', tokens: [] } })),
    numbers(12).slice(4),
  );
});

test('a failure comes after the words before it', async () => {
  const failed = await ask('script: fail after 3');
  assert.deepEqual([textOf(failed), endOf(failed)], ['1 2 3', 'GENERATION_FAILED']);
  assert.equal(endOf(await ask('script: refuse with OVERLOADED')), 'OVERLOADED');
  assert.equal(endOf(await ask('word '.repeat(30_000))), 'CONTEXT_EXCEEDED');
});

test('tools that are offered are called, and their result is reported', async () => {
  const events = await ask('script: run cat a.txt\nscript: call weather {"city":"Paris"}', { tools: TOOLS });
  const calls = events.filter((event) => event.type === 'tool_call');
  const written = (index: number): string => calls.map((call) => (call.index === index ? call.arguments : '')).join('');
  assert.deepEqual(
    [calls.flatMap(({ name }) => name ?? []), JSON.parse(written(0)).command, JSON.parse(written(1)), endOf(events)],
    [['Bash', 'weather'], 'cat a.txt', { city: 'Paris' }, 'tool_calls'],
  );
  assert.equal(textOf(await ask('script: run cat a.txt')), GREETING);
  const messages: readonly Message[] = [
    { role: 'user', content: 'script: run cat a.txt' },
    { role: 'assistant', content: '', toolCalls: [{ id: 'call_0_0', name: 'Bash', arguments: '{}' }] },
    { role: 'tool', content: 'meow', toolCallId: 'call_0_0' },
  ];
  assert.equal(textOf(await ask('', { tools: TOOLS, input: { type: 'messages', messages } })), 'The tool said: meow');
});

test('a schema is filled in', async () => {
  const schema = {
    type: 'object',
    properties: { name: { type: 'string' }, sizes: { type: 'array', items: { enum: [3] } } },
  };
  assert.equal(textOf(await ask('Hi', { format: { type: 'json_schema', schema } })), '{"name":"text","sizes":[3]}');
});

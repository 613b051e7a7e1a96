import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WrittenEvent } from '../../call.ts';
import { shapeOf, streamed, whole } from '../testing/answers.ts';
import { readGenerate } from './generate.ts';

const EVENTS: readonly WrittenEvent[] = [
  { type: 'reasoning', text: 'Hm.', tokens: [] },
  { type: 'text', text: '4', tokens: [] },
  { type: 'text', text: '!', tokens: [] },
  { type: 'finish', reason: 'stop', rawReason: 'stop', usage: { promptTokens: 10, completionTokens: 2 } },
];

/** Answers of Ollama 0.17.4. */
const RECORDED = {
  line: '{"model":"shoal-demo","created_at":"2026-11-21T19:13:33.47231902Z","response":"4","done":false}',
  last: '{"model":"shoal-demo","created_at":"2026-11-21T19:13:33.474916078Z","response":"","done":true,"done_reason":"stop","context":[0,325,281,35,53,46,53,66,2,1,55],"total_duration":23600416,"load_duration":2926360,"prompt_eval_count":10,"prompt_eval_duration":15792295,"eval_count":2,"eval_duration":2739853}',
  raw: '{"model":"shoal-demo","created_at":"2026-11-21T19:13:33.498247359Z","response":"","done":true,"done_reason":"stop","total_duration":19929451,"load_duration":2472188,"prompt_eval_count":7,"prompt_eval_duration":11985763,"eval_count":1,"eval_duration":1}',
  load: '{"model":"shoal-demo","created_at":"2026-11-21T19:13:48.298196525Z","response":"","done":true,"done_reason":"load"}',
};

test('a prompt is a conversation of one user message, after the system message', () => {
  const user = { role: 'user', content: 'Hi' };
  const input = (fields: object) => readGenerate({ model: 'tiny', prompt: 'Hi', ...fields }).request.input;
  assert.deepEqual(input({}), { type: 'messages', messages: [user] });
  const unused = { template: '', suffix: '', images: [], context: [] };
  assert.deepEqual(input({ system: 'Be brief.', ...unused }), {
    type: 'messages',
    messages: [{ role: 'system', content: 'Be brief.' }, user],
  });
});

test('a raw prompt is text, whose reasoning is part of it', () => {
  const { request } = readGenerate({ model: 'tiny', prompt: 'Hi', raw: true, options: { num_predict: 3 } });
  assert.deepEqual([request.input, request.reasoning], [{ type: 'text', text: 'Hi' }, undefined]);
  assert.equal(request.sampling.maxTokens, 3);
});

test('what cannot be done is refused by name', () => {
  const wrong: readonly (readonly [RegExp, object])[] = [
    [/"template"/, { template: '{{ .Prompt }}' }],
    [/"suffix"/, { suffix: 'end' }],
    [/"images"/, { images: ['aGk='] }],
    [/"prompt"/, { prompt: ['Hi'] }],
    [/"raw" excludes/, { raw: true, system: 'Be brief.' }],
    [/"context"/, { context: 'earlier' }],
    [/"context" is not from an answer of this server/, { context: [0, 325, 281] }],
  ];
  for (const [message, fields] of wrong) {
    assert.throws(() => readGenerate({ model: 'tiny', prompt: 'Hi', ...fields }), { code: 'INVALID_REQUEST', message });
  }
});

test('lines and whole answers have the fields of Ollama', () => {
  const call = readGenerate({ model: 'tiny', prompt: 'Hi' });
  const plain = EVENTS.slice(1);
  const [line, , last] = streamed(call, plain);
  assert.deepEqual([line, last].map(shapeOf), [RECORDED.line, RECORDED.last].map(parsedShape));
  assert.deepEqual(shapeOf(whole(call, plain)), parsedShape(RECORDED.last));
  const raw = readGenerate({ model: 'tiny', prompt: 'Hi', raw: true });
  assert.deepEqual(shapeOf(whole(raw, plain)), parsedShape(RECORDED.raw));
});

test('thinking is apart from the response, streamed and whole', () => {
  const call = readGenerate({ model: 'tiny', prompt: 'Hi' });
  const lines = streamed(call, EVENTS);
  assert.deepEqual(
    lines.map(({ response, thinking }) => [response, thinking]),
    [
      ['', 'Hm.'],
      ['4', undefined],
      ['!', undefined],
      ['', undefined],
    ],
  );
  const body = whole(call, EVENTS);
  assert.deepEqual([body['response'], body['thinking']], ['4!', 'Hm.']);
  assert.deepEqual(lines.at(-1)?.['context'], body['context']);
});

test('the context of an answer continues its conversation, and a new system message replaces the old one', () => {
  const { context } = whole(readGenerate({ model: 'tiny', prompt: 'Hi', system: 'Be brief.' }), EVENTS);
  const before = [
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: '4!' },
    { role: 'user', content: 'More' },
  ];
  const next = (fields: object) => readGenerate({ model: 'tiny', prompt: 'More', context, ...fields }).request.input;
  assert.deepEqual(next({}), { type: 'messages', messages: [{ role: 'system', content: 'Be brief.' }, ...before] });
  assert.deepEqual(next({ system: 'Be long.' }), {
    type: 'messages',
    messages: [{ role: 'system', content: 'Be long.' }, ...before],
  });
});

test('without a prompt the model is loaded', () => {
  const [, , , finish] = EVENTS;
  assert.ok(finish !== undefined);
  const load = readGenerate({ model: 'tiny' });
  assert.deepEqual([load.request.countOnly, load.request.input], [true, { type: 'text', text: '' }]);
  assert.deepEqual(shapeOf(whole(load, [finish])), parsedShape(RECORDED.load));
  assert.deepEqual(streamed(load, [finish]).map(shapeOf), [parsedShape(RECORDED.load)]);
});

function parsedShape(text: string): unknown {
  return shapeOf(JSON.parse(text));
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkAnswer, type RecordedAnswer } from './check-schemas.ts';

const CHUNK = { id: 'a', object: 'chat.completion.chunk', created: 1, model: 'm' };

function answer(path: string, body: string, more: Partial<RecordedAnswer> = {}): RecordedAnswer {
  return { method: 'POST', path, status: 200, contentType: 'application/json', body, isComplete: true, ...more };
}

function events(...pieces: readonly object[]): string {
  return pieces.map((piece) => `data: ${JSON.stringify(piece)}\n\n`).join('');
}

test('a field that is missing or has a wrong type is named', () => {
  const faults = checkAnswer('openai', answer('/v1/models', '{"object":"list","data":[{"id":1}]}')).join('\n');
  assert.match(faults, /ListModelsResponse.*\/data\/0 must have.*created/);
  assert.match(faults, /\/data\/0\/id must be string/);
  assert.deepEqual(checkAnswer('openai', answer('/v1/models', '{"object":"list","data":[]}')), []);
  assert.match(checkAnswer('ollama', answer('/api/tags', '{}', { status: 500 })).join(), /ErrorResponse.*error/);
});

test('a stream must end in the way of its API, and a failed one must be cut', () => {
  const stream = (body: string, isComplete = true) =>
    checkAnswer('openai', answer('/v1/chat/completions', body, { contentType: 'text/event-stream', isComplete }));
  const chunk = events({ ...CHUNK, choices: [{ index: 0, delta: { content: 'Hi' }, finish_reason: null }] });
  const failure = events({ error: { message: 'No.', type: 'server_error', param: null, code: null } });
  assert.deepEqual(stream(`: waiting\n\n${chunk}data: [DONE]\n\n`), []);
  assert.match(stream(chunk).join(), /the last event is/);
  assert.deepEqual(stream(`${chunk}${failure}`, false), []);
  assert.match(stream(`${chunk}${failure}`).join(), /the stream failed and ended properly/);
  assert.match(stream(events({ ...CHUNK, choices: [{ index: 0 }] }), false).join(), /delta/);
});

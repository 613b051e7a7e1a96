import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InferenceRequest } from '@shoal/protocol/request';
import { isObject } from '@shoal/protocol/json';
import { BodyFields } from '../body-fields.ts';
import { readRequest, writeRequest } from './request.ts';

test('a request that is written as a body is read as the same request', () => {
  const parameters = { type: 'object', properties: { city: { type: 'string' } } };
  const call = { id: 'call_1', name: 'weather', arguments: '{"city":"Oslo"}' };
  const request: InferenceRequest = {
    model: 'tiny',
    input: {
      type: 'messages',
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'How is the weather?' },
        { role: 'assistant', content: '', toolCalls: [call] },
        { role: 'tool', content: 'Rain.', toolCallId: 'call_1' },
      ],
    },
    sampling: {
      maxTokens: 9,
      temperature: 0,
      topP: 0.5,
      topK: 3,
      minP: 0.1,
      repeatPenalty: 1.1,
      presencePenalty: 0,
      frequencyPenalty: 0.2,
      logitBias: [[5, -100]],
      seed: 0,
    },
    stop: ['.'],
    tools: [{ name: 'weather', description: 'Reports it.', parameters }],
    toolChoice: { name: 'weather' },
    parallelToolCalls: false,
    format: { type: 'json_schema', schema: parameters },
    logprobs: 2,
  };
  const { body } = writeRequest(request, 'tiny', { usage: true, templateVariables: true });
  const fields: unknown = JSON.parse(JSON.stringify(body));
  assert.ok(isObject(fields));
  const { stream, stream_options: streamOptions, ...rest } = fields;
  assert.deepEqual([stream, streamOptions], [true, { include_usage: true }]);
  assert.deepEqual(readRequest(new BodyFields(rest, '', 'The body')), request);
});

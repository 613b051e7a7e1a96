import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GenerationEvent } from '@shoal/client';
import { promptInput } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import type { PromptRequest } from '../../api.ts';
import { CallAnswer } from './call-answer.ts';

const ROUTES = ['a', 'b', 'c'].map((model) => ({ model, cluster: undefined }));

test('the deadline is that of all models of a call, and no model is asked after it', async (context) => {
  let now = 0;
  context.mock.method(performance, 'now', () => now);
  const told: unknown[] = [];
  const node = {
    async *prompt({ request }: PromptRequest): AsyncGenerator<GenerationEvent> {
      told.push(request.deadlineMs);
      now += 60;
      yield { type: 'error', error: ShoalError.workerLost('Gone.') };
    },
  };
  const request = { input: promptInput('Hi'), sampling: {}, stop: [], deadlineMs: 100 };
  const event = await new CallAnswer(node, request, ROUTES).next();
  assert.ok(event?.type === 'error' && event.error.code === 'DEADLINE_EXCEEDED');
  assert.deepEqual(told, [100, 40]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Output } from '../index.ts';
import { type InferenceRequest, promptInput } from '../request.ts';
import { encodeObject, parseObject } from '../json.ts';
import { DonateClient, MAX_WAITING_JOBS } from './index.ts';

const ASK: InferenceRequest = { input: promptInput('hi'), sampling: {}, stop: [] };
const OFFER = { configuration: '{"format":"gguf"}', length: 6 };

function newClient(): DonateClient {
  return new DonateClient((message) => {
    const bytes = encodeObject(message);
    return { bytes, size: bytes.length };
  });
}

/** Lists messages by type and id, events by id and type. */
function summary(outputs: readonly Output[] | undefined): string[] {
  return (outputs ?? []).map((output) => {
    if (output.type === 'event') return `${output.id} ${output.event.type}`;
    if (output.type !== 'send') return output.type;
    const { type, job_id: jobId } = parseObject(output.bytes);
    return [type, jobId].filter(Boolean).join(' ');
  });
}

const result = (jobId: string): object => ({
  type: 'prompt_result',
  job_id: jobId,
  ok: true,
  text: 'ho',
  queue_depth: 0,
});
const receive = (client: DonateClient, message: object): string[] => summary(client.message({ v: 1, ...message }));

test('one job runs at a time, so that an error belongs to it', () => {
  const client = newClient();
  assert.deepEqual(summary(client.ask(1, ASK)), ['prompt job-1']);
  assert.deepEqual([...client.ask(2, ASK), ...client.ask(3, ASK)], []);
  assert.deepEqual(receive(client, result('job-2')), []);
  assert.deepEqual(receive(client, { type: 'queue_status', depth: 1 }), []);
  assert.deepEqual(receive(client, { type: 'error', error: 'queue full' }), ['1 error', 'prompt job-2']);
  assert.deepEqual(receive(client, result('job-2')), ['2 text', '2 finish', 'prompt job-3']);
  assert.deepEqual(summary(client.end()), ['3 error']);
});

test('jobs beyond the limit of waiting jobs are refused', () => {
  const client = newClient();
  for (let id = 0; id <= MAX_WAITING_JOBS; id += 1) client.ask(id, ASK);
  assert.throws(() => client.ask(1_000, ASK), { code: 'QUEUE_FULL' });
});

test('the result of an aborted job is ignored, and the next job waits for it', () => {
  const client = newClient();
  client.ask(1, ASK);
  client.ask(2, ASK);
  client.ask(3, ASK);
  assert.deepEqual(summary(client.abort(1)), ['1 finish']);
  assert.deepEqual(summary(client.abort(2)), ['2 finish']);
  assert.deepEqual(client.abort(1), []);
  assert.deepEqual(receive(client, result('job-1')), ['prompt job-3']);
});

test('nothing more of a model is sent once the node has refused it', () => {
  const client = newClient();
  assert.deepEqual(summary(client.push(1, OFFER)), ['model_begin']);
  assert.deepEqual(summary(client.chunk(Buffer.from('abc'), false)), ['weights_chunk']);
  assert.deepEqual(receive(client, { type: 'error', error: 'storage full' }), ['1 error']);
  assert.deepEqual([...client.chunk(Buffer.from('def'), true), ...client.commit()], []);
  assert.deepEqual(summary(client.ask(2, ASK)), ['prompt job-2']);
  assert.throws(() => client.push(3, OFFER), { code: 'INVALID_REQUEST' });
});

test('a result that does not begin with the ids that were sent is an error', () => {
  const client = newClient();
  const infer = { type: 'infer_result', ok: true, queue_depth: 0 };
  for (const [id, outputIds, ends] of [
    [1, [7, 8, 9], 'finish'],
    [2, [8, 9], 'error'],
    [3, [7], 'error'],
    [4, undefined, 'error'],
  ] as const) {
    client.ask(id, { input: { type: 'tokens', tokens: [7, 8] }, sampling: {}, stop: [] });
    assert.equal(receive(client, { ...infer, job_id: `job-${id}`, output_ids: outputIds }).at(-1), `${id} ${ends}`);
  }
});

test('a conversation is refused', () => {
  const messages = [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'hi' },
  ] as const;
  assert.throws(() => newClient().ask(1, { ...ASK, input: { type: 'messages', messages } }), {
    code: 'INVALID_REQUEST',
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type InferenceRequest, type Output, promptInput } from '../index.ts';
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

/** Messages by type and id, events by id and type. */
function done(outputs: readonly Output[] | undefined): string[] {
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
const hear = (client: DonateClient, message: object): string[] => done(client.message({ v: 1, ...message }));

test('one job is under way at a time, so that an error is known to be its own', () => {
  const client = newClient();
  assert.deepEqual(done(client.ask(1, ASK)), ['prompt job-1']);
  assert.deepEqual([...client.ask(2, ASK), ...client.ask(3, ASK)], []);
  assert.deepEqual(hear(client, result('job-2')), []);
  assert.deepEqual(hear(client, { type: 'queue_status', depth: 1 }), []);
  assert.deepEqual(hear(client, { type: 'error', error: 'queue full' }), ['1 error', 'prompt job-2']);
  assert.deepEqual(hear(client, result('job-2')), ['2 text', '2 finish', 'prompt job-3']);
  assert.deepEqual(done(client.end()), ['3 error']);
});

test('jobs beyond those that may wait are refused', () => {
  const client = newClient();
  for (let id = 0; id <= MAX_WAITING_JOBS; id += 1) client.ask(id, ASK);
  assert.throws(() => client.ask(1_000, ASK), { code: 'QUEUE_FULL' });
});

test('the answer to a job that was taken back is nobody’s, and the next job waits for it', () => {
  const client = newClient();
  client.ask(1, ASK);
  client.ask(2, ASK);
  client.ask(3, ASK);
  assert.deepEqual(done(client.abort(1)), ['1 finish']);
  assert.deepEqual(done(client.abort(2)), ['2 finish']);
  assert.deepEqual(client.abort(1), []);
  assert.deepEqual(hear(client, result('job-1')), ['prompt job-3']);
});

test('nothing more of a model is sent once the node has refused it', () => {
  const client = newClient();
  assert.deepEqual(done(client.push(1, OFFER)), ['model_begin']);
  assert.deepEqual(done(client.chunk(Buffer.from('abc'), false)), ['weights_chunk']);
  assert.deepEqual(hear(client, { type: 'error', error: 'storage full' }), ['1 error']);
  assert.deepEqual([...client.chunk(Buffer.from('def'), true), ...client.commit()], []);
  assert.deepEqual(done(client.ask(2, ASK)), ['prompt job-2']);
  assert.throws(() => client.push(3, OFFER), { code: 'INVALID_REQUEST' });
});

test('ids that do not begin with those that were sent are a failure', () => {
  const client = newClient();
  const infer = { type: 'infer_result', ok: true, queue_depth: 0 };
  for (const [id, outputIds, ends] of [
    [1, [7, 8, 9], 'finish'],
    [2, [8, 9], 'error'],
    [3, [7], 'error'],
    [4, undefined, 'error'],
  ] as const) {
    client.ask(id, { input: { type: 'tokens', tokens: [7, 8] }, sampling: {}, stop: [] });
    assert.equal(hear(client, { ...infer, job_id: `job-${id}`, output_ids: outputIds }).at(-1), `${id} ${ends}`);
  }
});

test('a conversation does not fit', () => {
  const messages = [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'hi' },
  ] as const;
  assert.throws(() => newClient().ask(1, { ...ASK, input: { type: 'messages', messages } }), {
    code: 'INVALID_REQUEST',
  });
});

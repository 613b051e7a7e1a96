import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { connect, type GenerationEvent } from '@shoal/client';
import { TestNetwork } from './harness/test-network.ts';

/** Requests for more than text, to a model on another machine. */

const CLUSTER = 'abilities';
const DEMO_MODEL = fileURLToPath(new URL('../models/demo/shoal-demo.gguf', import.meta.url));
const WEATHER = {
  name: 'weather',
  description: 'The weather at a place.',
  parameters: { type: 'object', properties: { place: { enum: ['Rome', 'Oslo'] } }, required: ['place'] },
} as const;

const network = await TestNetwork.open();
const lend = ['--lend', '--cluster', CLUSTER];
const [worker, echo] = await Promise.all([
  network.start('worker', ...lend, '--model', DEMO_MODEL, '--threads', '1'),
  network.start('echo', ...lend, '--engine', 'echo'),
]);
const shoal = await connect({ clusters: [CLUSTER], bootstrap: [network.bootstrap] });
after(async () => {
  await shoal.close();
  await Promise.all([worker.stop(), echo.stop()]);
  await network.close();
});

test('a required tool is called by the worker whose model supports tools, in pieces that form valid JSON', async () => {
  const events = await all({
    prompt: 'What is the weather in Oslo?',
    tools: [WEATHER],
    toolChoice: 'required',
    parallelToolCalls: false,
    maxTokens: 100,
  });
  const calls = events.filter((event) => event.type === 'tool_call');
  assert.equal(calls[0]?.name, 'weather');
  assert.ok(calls[0]?.id);
  const { place } = JSON.parse(calls.map((call) => call.arguments).join(''));
  assert.match(place, /^(Rome|Oslo)$/);
  const last = events.at(-1);
  assert.equal(last?.type === 'finish' && last.reason, 'tool_calls');
});

test('an answer matches the requested schema', async () => {
  const schema = {
    type: 'object',
    properties: { sum: { type: 'integer' } },
    required: ['sum'],
    additionalProperties: false,
  };
  const text = await shoal.text({
    prompt: 'What is 2+2?',
    format: { type: 'json_schema', schema },
    temperature: 0,
    maxTokens: 40,
  });
  assert.deepEqual(Object.keys(JSON.parse(text)), ['sum']);
});

test('texts become vectors of length 1, and equal texts become equal vectors', async () => {
  const [one = [], two = [], other = []] = await shoal.embed(['the sea', 'the sea', 'a mountain']);
  assert.deepEqual(one, two);
  assert.notDeepEqual(one, other);
  const length = Math.hypot(...one);
  assert.ok(Math.abs(length - 1) < 1e-3, String(length));
});

test('each token has its log probability', async () => {
  const events = await all({ prompt: 'What is 2+2?', temperature: 0, logprobs: 2 });
  const [first] = events.flatMap((event) => (event.type === 'text' ? (event.logprobs ?? []) : []));
  assert.equal(first?.text, '4');
  assert.equal(first.top.length, 2);
});

test('a request for a missing ability is refused with the list of abilities', async () => {
  const events = await all({ prompt: 'hi', model: 'echo', tools: [WEATHER] });
  const last = events.at(-1);
  assert.ok(last?.type === 'error');
  assert.equal(last.error.code, 'INVALID_REQUEST');
  assert.match(last.error.message, /tools/);
});

function all(input: Parameters<typeof shoal.generate>[0]): Promise<GenerationEvent[]> {
  return Array.fromAsync(shoal.generate(input));
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FinishEvent, SampledLogprob } from '@shoal/protocol';
import type { JsonObject } from '@shoal/protocol/json';
import type { WrittenEvent } from '../../call.ts';
import { bodyOf, chunksOf, foldChunks, streamOf } from '../testing/stream.ts';
import { assertRefused, type Refusal } from '../testing/refusals.ts';
import { readCompletion } from './request.ts';

const textOf = (text: string, logprobs?: readonly SampledLogprob[]): WrittenEvent => ({
  type: 'text',
  text,
  tokens: [],
  logprobs,
});
const finish: FinishEvent = {
  type: 'finish',
  reason: 'length',
  rawReason: 'limit',
  usage: { promptTokens: 3, completionTokens: 2 },
};
const sampled = (text: string): SampledLogprob => ({
  text,
  logprob: -2,
  top: [
    { text: 'x', logprob: -0.5 },
    { text: 'x', logprob: -1 },
    { text: '__proto__', logprob: -3 },
  ],
});

test('a prompt is a text, token ids, or a list with one of these', () => {
  const inputOf = (prompt: unknown) => readCompletion({ prompt }).request.input;
  for (const prompt of ['Once', ['Once']]) assert.deepEqual(inputOf(prompt), { type: 'text', text: 'Once' });
  for (const prompt of [[1, 2], [[1, 2]]]) assert.deepEqual(inputOf(prompt), { type: 'tokens', tokens: [1, 2] });
  assert.deepEqual(inputOf(''), { type: 'text', text: '' });
});

test('an answer has 16 tokens unless the request says otherwise', () => {
  assert.deepEqual(readCompletion({ prompt: 'a' }).request, {
    input: { type: 'text', text: 'a' },
    sampling: { maxTokens: 16 },
    stop: [],
  });
  const { request, models, count } = readCompletion({
    prompt: 'a',
    model: 'm',
    max_tokens: 99,
    n: 2,
    best_of: 2,
    logprobs: 5,
    suffix: '',
    user: 'u',
    response_format: { type: 'json_object' },
  });
  assert.deepEqual([models, count], [['m'], 2]);
  assert.partialDeepStrictEqual(request, { sampling: { maxTokens: 99 }, logprobs: 5, format: { type: 'json' } });
});

const answers: Readonly<Record<string, readonly [JsonObject, readonly WrittenEvent[]]>> = {
  'of text': [{}, [textOf('He "'), textOf(''), textOf('\u2028\ud800\n'), finish]],
  'without text': [{}, [finish]],
  'after its prompt': [{ echo: true }, [textOf('a'), finish]],
  'without text after its prompt': [{ echo: true }, [finish]],
  'with log probabilities': [{}, [textOf('é😀', [sampled('é'), sampled('😀')]), textOf('b', [sampled('b')]), finish]],
};

for (const [what, [body, events]] of Object.entries(answers)) {
  test(`an answer ${what} is the same streamed and whole`, () => {
    const call = readCompletion({ prompt: 'Once', n: 2, stream_options: { include_usage: true }, ...body });
    const both = [events, [textOf('other'), finish]];
    const whole = bodyOf(call, both);
    assert.deepEqual(foldChunks(chunksOf(streamOf(call, both)), 'text_completion'), whole);
  });
}

test('a whole answer has every key of its format, and log probabilities as four lists', () => {
  const top = { x: -0.5, ['__proto__']: -3 };
  assert.deepEqual(bodyOf(readCompletion({ prompt: 'Once' }), [answers['with log probabilities']?.[1] ?? []]), {
    id: 'cmpl-abc',
    object: 'text_completion',
    created: 5,
    model: 'tiny',
    choices: [
      {
        index: 0,
        text: 'é😀b',
        logprobs: {
          tokens: ['é', '😀', 'b'],
          token_logprobs: [-2, -2, -2],
          top_logprobs: [
            { é: -2, ...top },
            { '😀': -2, ...top },
            { b: -2, ...top },
          ],
          text_offset: [0, 1, 2],
        },
        finish_reason: 'length',
      },
    ],
    usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
  });
});

test('the prompt precedes the answer if it is to be repeated', () => {
  const call = readCompletion({ prompt: 'Once', echo: true });
  const [first] = chunksOf(streamOf(call, [[textOf(' more'), finish]]));
  assert.partialDeepStrictEqual(first, { choices: [{ index: 0, text: 'Once', logprobs: null, finish_reason: null }] });
  assert.partialDeepStrictEqual(bodyOf(call, [[textOf(' more'), finish]]), { choices: [{ text: 'Once more' }] });
});

const refused: readonly Refusal[] = [
  [{ prompt: undefined }, '"prompt" is missing'],
  [{ prompt: 5 }, '"prompt" must be'],
  [{ prompt: [] }, '"prompt" must be'],
  [{ prompt: [[]] }, '"prompt" must be'],
  [{ prompt: [-1] }, '"prompt" must be'],
  [{ prompt: [0.5, 1] }, '"prompt" must be'],
  [{ prompt: ['a', 5] }, '"prompt" must be'],
  [{ prompt: ['a', 'b'] }, '"prompt" has 2 prompts. Send one request for each'],
  [{ prompt: [[1], [2]] }, '"prompt" has 2 prompts. Send one request for each'],
  [{ echo: 'yes' }, '"echo" must be true or false'],
  [{ echo: true, logprobs: 1 }, '"echo" cannot be combined with "logprobs"'],
  [{ echo: true, prompt: [1] }, '"echo" needs a prompt that is a text'],
  [{ suffix: 'end' }, '"suffix" is not supported'],
  [{ best_of: 2 }, '"best_of" must be'],
  [{ logprobs: 6 }, '"logprobs" must be a whole number from 0 to 5'],
  [{ logprobs: true }, '"logprobs" must be'],
  [{ max_tokens: 0 }, '"max_tokens" must be'],
  [{ stop: {} }, '"stop" must be'],
  [{ tools: [{}] }, '"tools" is not supported'],
  [{ guided_regex: 'a' }, '"guided_regex" is not supported'],
];

test('every field that is malformed or not supported is an error that names it', () => {
  assertRefused((fields) => readCompletion({ prompt: 'Once', ...fields }), refused);
});

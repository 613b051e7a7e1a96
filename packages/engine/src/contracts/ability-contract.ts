import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { ABILITIES, type Ability } from '@shoal/protocol';
import type { InferenceRequest, Tool } from '@shoal/protocol/request';
import { isObject, type JsonObject } from '@shoal/protocol/json';
import type { Engine } from '../engine.ts';
import { createRequest, codeOf, firstText, receive, reasonOf, unaborted, usageOf } from './answers.ts';
import type { EnginePrompts, EngineTestTitle } from './engine-tests.ts';

const TOP = 3;
/** As many as an agent counts at its start. */
const COUNTS = 24;
/** The largest difference between numbers that count as equal. */
const NEAR = 1e-3;
/** Many times the tokens of the objects below. */
const JSON_TOKENS_MAX = 300;

/** Every value is of limited length, so that even a random model completes it. */
const VERDICT_SCHEMA: JsonObject = {
  type: 'object',
  properties: { verdict: { type: 'string', enum: ['yes', 'no'] }, sure: { type: 'boolean' } },
  required: ['verdict', 'sure'],
  additionalProperties: false,
};

const TURN_TOOL: Tool = {
  name: 'turn',
  description: 'Turns the vehicle.',
  parameters: {
    type: 'object',
    properties: { direction: { type: 'string', enum: ['left', 'right'] } },
    required: ['direction'],
    additionalProperties: false,
  },
};

/** A change of a request that needs each ability. Reasoning is never needed. */
const NEEDS: Readonly<Record<Exclude<Ability, 'reasoning'>, Partial<InferenceRequest>>> = {
  messages: {},
  prompt: { input: { type: 'text', text: 'Once' } },
  tokens: { input: { type: 'tokens', tokens: [1] } },
  tools: { tools: [TURN_TOOL] },
  json: { format: { type: 'json' } },
  embeddings: { input: { type: 'embeddings', texts: ['Once'] } },
  logprobs: { logprobs: 1 },
  count: { countOnly: true },
};

const REFUSABLE = ABILITIES.filter((ability) => ability !== 'reasoning');

type Must = (title: EngineTestTitle, body: (context: TestContext) => Promise<void>) => void;

/** Tests the abilities of some models, each with the first model that has it. */
export function mustByAbility(engine: () => Engine, prompts: EnginePrompts, must: Must): void {
  /** Runs a test with the first model that has the abilities; skips it if no model has them. */
  const ifAble = (
    needed: readonly Ability[],
    title: EngineTestTitle,
    body: (model: string, context: TestContext) => Promise<void>,
  ) =>
    must(title, async (context) => {
      const model = (await engine().models()).find(({ abilities }) => hasAll(abilities, needed));
      if (model === undefined) return context.skip(`no model has these abilities: ${needed.join(', ')}`);
      await body(model.id, context);
    });

  must('a request for an ability that the model lacks is refused', async (context) => {
    let refused = 0;
    for (const { id, abilities = ABILITIES } of await engine().models()) {
      for (const ability of REFUSABLE.filter((one) => !abilities.includes(one))) {
        const received = await receive(engine(), createRequest(prompts.short, { ...NEEDS[ability], model: id }));
        assert.equal(codeOf(received), 'INVALID_REQUEST', ability);
        assert.deepEqual([received.text, received.toolCalls, received.vectors], ['', [], []]);
        refused++;
      }
    }
    if (refused === 0) context.skip('its models have all abilities');
  });

  ifAble(['messages', 'count'], 'a count is the prompt tokens of the answered request', async (model) => {
    const requests = [createRequest(prompts.long, { model, sampling: { maxTokens: 1 } })];
    const { abilities } = (await engine().models()).find(({ id }) => id === model) ?? {};
    if (hasAll(abilities, ['tools'])) requests.push(createRequest(prompts.short, { model, tools: [TURN_TOOL] }));
    if (hasAll(abilities, ['prompt']))
      requests.push(createRequest('', { ...NEEDS.prompt, model, sampling: { maxTokens: 1 } }));
    for (const request of requests) {
      const { promptTokens } = usageOf(await receive(engine(), request));
      const counted = await receive(engine(), { ...request, countOnly: true });
      assert.deepEqual(counted.end.type === 'finish' && [counted.end.reason, counted.end.rawReason], ['stop', 'count']);
      assert.deepEqual([usageOf(counted).promptTokens, usageOf(counted).completionTokens], [promptTokens, 0]);
      assert.deepEqual([counted.text, counted.tokens, counted.toolCalls], ['', [], []]);
    }
  });

  ifAble(['prompt', 'count'], 'a count of an empty text generates nothing', async (model) => {
    const input = { type: 'text', text: '' } as const;
    const counted = await receive(engine(), createRequest('', { model, input, countOnly: true }));
    assert.equal(reasonOf(counted), 'stop');
    assert.deepEqual([counted.text, usageOf(counted).completionTokens], ['', 0]);
  });

  ifAble(['messages', 'count'], 'counts need no slot', async (model) => {
    const answers = Array.from({ length: engine().abilities.slots }, () =>
      engine().generate(createRequest(prompts.long, { model }), unaborted())[Symbol.asyncIterator](),
    );
    await Promise.all(answers.map(firstText));
    const request = createRequest(prompts.short, { model, countOnly: true });
    const counts = await Promise.all(Array.from({ length: COUNTS }, () => receive(engine(), request)));
    assert.equal(new Set(counts.map((counted) => usageOf(counted).promptTokens)).size, 1);
    for (const events of answers) await events.return?.();
  });

  ifAble(['messages', 'json'], 'JSON by schema is valid', async (model) => {
    const format = { type: 'json_schema', schema: VERDICT_SCHEMA } as const;
    const received = await receive(
      engine(),
      createRequest(prompts.short, { model, format, sampling: { maxTokens: JSON_TOKENS_MAX } }),
    );
    assert.equal(reasonOf(received), 'stop');
    const value: unknown = JSON.parse(received.text);
    assert.ok(isObject(value));
    assert.deepEqual(Object.keys(value).toSorted(), ['sure', 'verdict']);
    assert.ok(value['verdict'] === 'yes' || value['verdict'] === 'no');
    assert.equal(typeof value['sure'], 'boolean');
  });

  ifAble(['messages', 'tools'], 'a required tool is called', async (model) => {
    const sampling = { maxTokens: JSON_TOKENS_MAX };
    const request = createRequest(prompts.short, { model, tools: [TURN_TOOL], toolChoice: 'required', sampling });
    const received = await receive(engine(), request);
    assert.equal(reasonOf(received), 'tool_calls');
    assert.ok(received.toolCalls.length > 0);
    for (const call of received.toolCalls) {
      assert.equal(call.name, TURN_TOOL.name);
      const value: unknown = JSON.parse(call.arguments);
      assert.ok(isObject(value) && (value['direction'] === 'left' || value['direction'] === 'right'));
    }
    assert.equal(
      new Set(received.toolCalls.map(({ id }) => id)).size,
      received.toolCalls.length,
      'each has its own id',
    );
  });

  ifAble(['embeddings'], 'several texts become vectors of length 1', async (model) => {
    const input = { type: 'embeddings', texts: [prompts.short, 'Something else.', prompts.short] } as const;
    const [received, again] = [
      await receive(engine(), createRequest('', { model, input })),
      await receive(engine(), createRequest('', { model, input })),
    ];
    assert.equal(reasonOf(received), 'stop');
    assert.deepEqual([received.text, received.vectors.length], ['', input.texts.length]);
    const { promptTokens, completionTokens } = usageOf(received);
    assert.ok(promptTokens > 0);
    assert.equal(completionTokens, 0);
    const [first = [], other = [], same = []] = received.vectors;
    for (const vector of received.vectors) {
      assert.equal(vector.length, first.length);
      assertNear(cosine(vector, vector), 1);
    }
    assertNear(cosine(first, same), 1);
    assertNear(cosine(first, again.vectors[0] ?? []), 1);
    assert.ok(cosine(first, other) < 1 - NEAR, 'another text has another vector');
  });

  ifAble(['messages', 'logprobs'], 'log probabilities come with their tokens', async (model) => {
    const sampling = { maxTokens: 8 };
    const received = await receive(engine(), createRequest(prompts.long, { model, logprobs: TOP, sampling }));
    const { logprobs, tokens } = received;
    assert.equal(logprobs.map(({ text }) => text).join(''), received.text);
    assert.equal(logprobs.length, tokens.length === 0 ? sampling.maxTokens : tokens.length);
    for (const { token, logprob, top } of logprobs) {
      assert.equal(top.length, TOP);
      const values = top.map((one) => one.logprob);
      assert.deepEqual(
        values,
        values.toSorted((one, next) => next - one),
      );
      // At temperature 0 the likeliest token is sampled.
      assert.deepEqual([top[0]?.token, top[0]?.logprob], [token, logprob]);
      assert.ok(logprob <= 0);
    }
    const alone = await receive(engine(), createRequest(prompts.long, { model, logprobs: 0, sampling }));
    assert.ok(alone.logprobs.length > 0 && alone.logprobs.every(({ top }) => top.length === 0));
  });

  must('logit bias can forbid a token', async (context) => {
    const sampling = { maxTokens: 1 };
    const [model] = await engine().models();
    const logprobs = hasAll(model?.abilities, ['logprobs']) ? { logprobs: 1 } : {};
    const usual = await receive(engine(), createRequest(prompts.short, { ...logprobs, sampling }));
    const token = usual.tokens[0] ?? usual.logprobs[0]?.token;
    if (token === undefined) return context.skip('it does not report token ids');
    const other = await receive(
      engine(),
      createRequest(prompts.short, { sampling: { ...sampling, logitBias: [[token, -100]] } }),
    );
    assert.equal(typeof reasonOf(other), 'string');
    assert.notEqual(other.text, usual.text);
  });

  ifAble(['messages'], 'a repeated conversation reports its cached tokens', async (model, context) => {
    const request = createRequest(prompts.long, { model, sampling: { maxTokens: 1 } });
    await receive(engine(), request);
    const { cachedTokens, promptTokens } = usageOf(await receive(engine(), request));
    if (cachedTokens === undefined) return context.skip('it does not report cached tokens');
    assert.ok(cachedTokens > 0 && cachedTokens <= promptTokens, `${cachedTokens} of ${promptTokens}`);
  });
}

export function hasAll(abilities: readonly Ability[] | undefined, needed: readonly Ability[]): boolean {
  return abilities === undefined || needed.every((ability) => abilities.includes(ability));
}

function cosine(one: readonly number[], other: readonly number[]): number {
  return one.reduce((sum, part, index) => sum + part * (other[index] ?? 0), 0);
}

function assertNear(value: number, wanted: number): void {
  assert.ok(Math.abs(value - wanted) < NEAR, `${value} is not ${wanted}`);
}

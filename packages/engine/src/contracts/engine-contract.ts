import assert from 'node:assert/strict';
import { after, before, suite, test, type TestContext } from 'node:test';
import { MAX_TOKENS } from '@shoal/protocol';
import type { Engine } from '../engine.ts';
import { hasAll, mustByAbility } from './ability-contract.ts';
import { createRequest, codeOf, firstText, receive, receiveRest, reasonOf, unaborted, usageOf } from './answers.ts';
import type { EnginePrompts, EngineSkips, EngineTestTitle } from './engine-tests.ts';

/** The most tokens that wait for a consumer that pauses. */
const RUN_AHEAD_TOKENS_MAX = 128;
const STOP_LENGTH = 12;

/** Tests what every engine must do. An ability of some models is tested with the first model that has it. */
export function engineContract(
  name: string,
  create: () => Promise<Engine>,
  prompts: EnginePrompts,
  skips: EngineSkips = {},
): void {
  suite(`${name}: the engine contract`, () => {
    let engine: Engine;
    before(async () => {
      engine = await create();
    });
    after(() => engine.close());
    const must = (title: EngineTestTitle, body: (context: TestContext) => Promise<void>) => {
      test(title, { skip: skips[title] ?? false }, body);
    };

    must('an answer is text, then one finish with its usage', async () => {
      const received = await receive(engine, createRequest(prompts.short));
      assert.equal(reasonOf(received), 'stop');
      assert.notEqual(received.text, '');
      const usage = usageOf(received);
      assert.ok(usage.promptTokens > 0);
      assert.ok(usage.completionTokens >= Math.max(received.tokens.length, 1));
    });

    must('maxTokens ends an answer with length', async () => {
      const whole = await receive(engine, createRequest(prompts.long));
      const cut = await receive(engine, createRequest(prompts.long, { sampling: { maxTokens: 5 } }));
      assert.equal(reasonOf(cut), 'length');
      assert.equal(usageOf(cut).completionTokens, 5);
      assert.ok(whole.text.startsWith(cut.text));
      assert.ok(cut.text.length < whole.text.length);
    });

    must('maxTokens beyond the context is no error', async () => {
      const sampling = { maxTokens: MAX_TOKENS };
      assert.equal(reasonOf(await receive(engine, createRequest(prompts.short, { sampling }))), 'stop');
    });

    must('the context length of a request limits its prompt and answer', async () => {
      const { promptTokens } = usageOf(
        await receive(engine, createRequest(prompts.long, { sampling: { maxTokens: 1 } })),
      );
      const cut = await receive(engine, createRequest(prompts.long, { contextLength: promptTokens + 5 }));
      assert.deepEqual([reasonOf(cut), usageOf(cut).completionTokens], ['length', 5]);
      const refused = await receive(engine, createRequest(prompts.long, { contextLength: promptTokens }));
      assert.equal(codeOf(refused), 'CONTEXT_EXCEEDED');
    });

    must('an answer ends before a stop string, wherever the text is split', async () => {
      const { text } = await receive(engine, createRequest(prompts.long));
      for (const from of [1, 17, 40]) {
        const stop = text.slice(from, from + STOP_LENGTH);
        const received = await receive(engine, createRequest(prompts.long, { stop: ['not in the answer', stop] }));
        assert.equal(received.text, text.slice(0, text.indexOf(stop)));
        assert.equal(reasonOf(received), 'stop');
      }
      const unstopped = await receive(
        engine,
        createRequest(prompts.long, { stop: [`${text.slice(-STOP_LENGTH)}, not in the answer`] }),
      );
      assert.equal(unstopped.text, text);
    });

    must('the same seed gives the same answer', async () => {
      const request = createRequest(prompts.long, { sampling: { temperature: 1, seed: 7, maxTokens: 40 } });
      const [one, two] = [await receive(engine, request), await receive(engine, request)];
      assert.deepEqual([one.text, one.tokens], [two.text, two.tokens]);
    });

    must('an answer continues after the text of another worker', async () => {
      const whole = await receive(engine, createRequest(prompts.long));
      const begun = await receive(engine, createRequest(prompts.long, { sampling: { maxTokens: 9 } }));
      const resume = { text: begun.text, tokens: begun.tokens };
      const rest = await receive(engine, createRequest(prompts.long, { resume }));
      assert.equal(begun.text + rest.text, whole.text);
      assert.equal(usageOf(rest).promptTokens, usageOf(whole).promptTokens);
      const few = await receive(engine, createRequest(prompts.long, { resume, sampling: { maxTokens: 3 } }));
      assert.equal(usageOf(few).completionTokens, 3);
    });

    must('an abort ends an answer at once', async () => {
      const abort = new AbortController();
      const events = engine.generate(createRequest(prompts.long), abort.signal);
      const iterator = events[Symbol.asyncIterator]();
      await firstText(iterator);
      abort.abort();
      const rest = await receiveRest({ [Symbol.asyncIterator]: () => iterator });
      assert.equal(reasonOf(rest), 'abort');
      assert.ok(rest.pieces <= 1, 'at most one piece was already sent');
    });

    must('a request that is already aborted is not started', async () => {
      const received = await receive(engine, createRequest(prompts.long), AbortSignal.abort());
      assert.deepEqual([reasonOf(received), received.text], ['abort', '']);
    });

    must('leaving the loop early frees the slot', async () => {
      for (let round = 0; round <= engine.abilities.slots; round++) {
        for await (const event of engine.generate(createRequest(prompts.long), unaborted())) {
          if (event.type === 'text') break;
        }
      }
      assert.equal(reasonOf(await receive(engine, createRequest(prompts.short))), 'stop');
    });

    must('simultaneous requests get their own answers', async () => {
      const requests = Array.from({ length: engine.abilities.slots }, (_, index) =>
        createRequest(index % 2 === 0 ? prompts.short : prompts.long),
      );
      const together = await Promise.all(requests.map((request) => receive(engine, request)));
      const alone = [
        await receive(engine, createRequest(prompts.short)),
        await receive(engine, createRequest(prompts.long)),
      ];
      for (const [index, { text }] of together.entries()) assert.equal(text, alone[index % 2]?.text);
    });

    must('a consumer that stops reading pauses the generation', async () => {
      const events = engine.generate(createRequest(prompts.long), unaborted())[Symbol.asyncIterator]();
      await firstText(events);
      await receive(engine, createRequest(prompts.long)); // takes as long as the whole answer
      const next = await events.next();
      assert.ok(next.done !== true && next.value.type === 'text');
      const count = Math.max(next.value.tokens.length, next.value.text.split(/\s+/).length);
      assert.ok(count <= RUN_AHEAD_TOKENS_MAX, `${count} tokens were waiting`);
      const rest = await receiveRest({ [Symbol.asyncIterator]: () => events });
      assert.equal(reasonOf(rest), 'stop');
    });

    must('an unknown model is refused, and the known ones are named', async () => {
      const [model] = await engine.models();
      const received = await receive(engine, createRequest(prompts.short, { model: 'no such model' }));
      assert.equal(codeOf(received), 'MODEL_NOT_FOUND');
      assert.ok(received.end.type === 'error' && received.end.error.message.includes(model?.id ?? '?'));
    });

    must('a model can be requested by its id and its digest', async () => {
      for (const { id, digest, abilities } of await engine.models()) {
        if (!hasAll(abilities, ['messages'])) continue;
        for (const model of digest === undefined ? [id] : [id, digest]) {
          assert.equal(reasonOf(await receive(engine, createRequest(prompts.short, { model }))), 'stop');
        }
      }
    });

    must('a request without tokens is refused', async () => {
      for (const input of [
        { type: 'tokens', tokens: [] },
        { type: 'text', text: '' },
        { type: 'messages', messages: [] },
      ] as const) {
        assert.equal(codeOf(await receive(engine, createRequest('', { input }))), 'INVALID_REQUEST');
      }
    });

    mustByAbility(() => engine, prompts, must);

    must('closing ends running requests with GENERATION_ABORTED, and may be repeated', async () => {
      const other = await create();
      const events = other.generate(createRequest(prompts.long), unaborted())[Symbol.asyncIterator]();
      await firstText(events);
      const closed = other.close();
      const rest = await receiveRest({ [Symbol.asyncIterator]: () => events });
      await closed;
      await other.close();
      assert.equal(codeOf(rest), 'GENERATION_ABORTED');
      assert.equal(codeOf(await receive(other, createRequest(prompts.short))), 'GENERATION_ABORTED');
    });
  });
}

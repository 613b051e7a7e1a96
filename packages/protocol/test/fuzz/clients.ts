import assert from 'node:assert/strict';
import type { DialectSubject, Random } from '../../src/contracts/index.ts';
import { ShoalError } from '../../src/error.ts';
import { isTerminal, type InferenceEvent } from '../../src/event.ts';
import { encodeObject, type JsonObject, parseObject } from '../../src/json.ts';
import { promptInput } from '../../src/request.ts';
import type { Output } from '../../src/session.ts';
import type { MessageEncoder } from '../../src/side.ts';
import { changed, oneOf } from './values.ts';

const MOST_STEPS = 10;
const REQUEST = { input: promptInput('What is 2+2?'), sampling: {}, stop: [] };
const ANSWER: readonly [InferenceEvent, ...InferenceEvent[]] = [
  { type: 'queued', position: 1 },
  { type: 'text', text: '4 🐟', tokens: [7] },
  { type: 'finish', reason: 'stop', rawReason: 'eos', usage: { promptTokens: 3, completionTokens: 2 } },
  { type: 'error', error: ShoalError.generationFailed('It died.') },
];
const encode: MessageEncoder = (message) => {
  const bytes = encodeObject(message);
  return { bytes, size: bytes.length };
};

/** A worker answers with faults. Every question gets one terminal event, and nothing after it. */
export function fuzzClient(subject: DialectSubject, random: Random): void {
  let lastId = 0;
  const client = subject.client(encode);
  const server = subject.server(encode, () => (lastId += 1));
  const asked = new Map<number, boolean>();
  const take = (outputs: readonly Output<unknown>[]): readonly JsonObject[] => {
    for (const output of outputs) {
      if (output.type !== 'event') continue;
      assert.equal(asked.get(output.id), false, `${output.event.type} of a question that has ended`);
      asked.set(output.id, isTerminal(output.event));
    }
    return outputs.flatMap((output) => (output.type === 'send' ? [parseObject(output.bytes)] : []));
  };
  const ask = () => {
    const id = asked.size + 1;
    asked.set(id, false);
    try {
      for (const message of take(client.ask(id, REQUEST, 0))) server.message(message, 100, 0);
    } catch (error) {
      assert.ok(error instanceof ShoalError, String(error));
      asked.delete(id);
    }
  };
  ask();
  for (let [step, now] = [random(MOST_STEPS), 0]; step > 0; step -= 1) {
    now += 1_000 * random(3);
    const id = 1 + random(asked.size);
    switch (random(6)) {
      case 0:
        ask();
        break;
      case 1:
        take(client.abort(id));
        break;
      case 2:
        take(client.consumed(id, random(2_000)));
        break;
      case 3:
        if (client.wakeAt <= now) take(client.tick(now));
        break;
      default: {
        const outputs = server.respond(id, oneOf(ANSWER, random), now);
        for (const output of outputs) {
          if (output.type !== 'send') continue;
          const message = parseObject(output.bytes);
          const sent = random(2) === 0 ? message : changed(message, random);
          for (let times = 1 + Number(random(8) === 0); times > 0; times -= 1) {
            take(shoalErrorsApart(() => client.message(sent, output.bytes.length, now)));
          }
        }
      }
    }
  }
  take(client.end());
  for (const [id, hasEnded] of asked) assert.ok(hasEnded, `question ${id} has no terminal event`);
  assert.deepEqual(client.end(), []);
}

function shoalErrorsApart(act: () => Output<unknown>[] | undefined): Output<unknown>[] {
  try {
    return act() ?? [];
  } catch (error) {
    assert.ok(error instanceof ShoalError, String(error));
    return [];
  }
}

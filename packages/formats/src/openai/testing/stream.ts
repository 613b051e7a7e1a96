import assert from 'node:assert/strict';
import type { JsonObject } from '@shoal/protocol/json';
import { AnswerBuilder, type CompletedAnswer } from '../../answer.ts';
import type { AnswerContext, AnswerWriter, Call, WrittenEvent } from '../../call.ts';
import { EventStream } from '../../event-stream.ts';
import { objectIn, objectsIn, parseObject } from '../../json.ts';

export const CONTEXT: AnswerContext = {
  id: 'abc',
  createdAt: 5_999,
  startedAt: 0,
  beganAt: () => undefined,
  now: () => 0,
  model: () => 'tiny',
  peer: () => undefined,
};

/** Returns the stream of a call whose answers have these events: one of each answer in turn. */
export function streamOf(call: Call, answers: readonly (readonly WrittenEvent[])[]): string {
  const writer = call.stream(CONTEXT);
  return writer.begin() + eventsOf(writer, answers) + writer.end();
}

function eventsOf(writer: AnswerWriter, answers: readonly (readonly WrittenEvent[])[]): string {
  const longest = Math.max(...answers.map((events) => events.length));
  const turns = Array.from({ length: longest }, (_, turn) =>
    answers.map((events, choice) => {
      const event = events[turn];
      return event === undefined ? '' : writer.event(event, choice);
    }),
  );
  return turns.flat().join('');
}

/** Returns the data of each event of a stream. */
export function dataOf(stream: string): readonly string[] {
  const data: string[] = [];
  assert.equal(
    new EventStream().push(new TextEncoder().encode(stream), (one) => void data.push(one)),
    undefined,
  );
  return data;
}

/** Returns the chunks of a stream that ends as it should. */
export function chunksOf(stream: string): readonly JsonObject[] {
  const data = dataOf(stream);
  assert.equal(data.at(-1), '[DONE]');
  return data.slice(0, -1).map((text) => {
    const chunk = parseObject(text);
    assert.ok(chunk !== undefined, text);
    return chunk;
  });
}

/** Returns the body of the whole answers with these events, as a client receives it. */
export function bodyOf(call: Call, answers: readonly (readonly WrittenEvent[])[]): JsonObject {
  const body = parseObject(JSON.stringify(call.write(answers.map(completed), CONTEXT)));
  assert.ok(body !== undefined);
  return body;
}

function completed(events: readonly WrittenEvent[]): CompletedAnswer {
  const builder = new AnswerBuilder();
  let answer: CompletedAnswer | undefined;
  for (const event of events) {
    if (event.type === 'finish') answer = builder.finish(event);
    else builder.add(event);
  }
  assert.ok(answer !== undefined);
  return answer;
}

/** Joins the chunks of a stream to the body of a whole answer, as clients do. */
export function foldChunks(chunks: readonly JsonObject[], object: string): JsonObject {
  const choices: Record<string, unknown>[] = [];
  let usage: unknown;
  for (const chunk of chunks) {
    usage = chunk['usage'] ?? usage;
    for (const choice of objectsIn(chunk, 'choices')) foldChoice(choices, choice);
  }
  const { id, created, model } = chunks[0] ?? {};
  return { id, object, created, model, choices, usage };
}

function foldChoice(choices: Record<string, unknown>[], choice: JsonObject): void {
  const { index, delta, text, logprobs, finish_reason: reason } = choice;
  assert.ok(typeof index === 'number');
  const folded = (choices[index] ??= { index, logprobs: null });
  if (delta !== undefined) folded['message'] = foldDelta(objectIn(folded, 'message') ?? {}, objectIn(choice, 'delta'));
  if (text !== undefined) folded['text'] = joined(folded['text'], text);
  folded['logprobs'] = foldLists(folded['logprobs'], logprobs);
  folded['finish_reason'] = reason;
}

function foldDelta(message: JsonObject, delta: JsonObject = {}): JsonObject {
  const folded: Record<string, unknown> = { ...message };
  for (const [key, value] of Object.entries(delta)) {
    if (key === 'tool_calls') folded[key] = foldCalls(objectsIn(folded, key), objectsIn(delta, key));
    else folded[key] = joined(folded[key], value);
  }
  return folded;
}

function foldCalls(calls: readonly JsonObject[], deltas: readonly JsonObject[]): readonly JsonObject[] {
  const folded = [...calls];
  for (const { index, ...delta } of deltas) {
    assert.ok(typeof index === 'number' && index <= folded.length);
    const { function: before, ...call } = folded[index] ?? {};
    const called = foldDelta(objectIn({ before }, 'before') ?? {}, objectIn(delta, 'function'));
    folded[index] = { ...call, ...delta, function: called };
  }
  return folded;
}

/** Joins the lists in objects of lists. */
function foldLists(one: unknown, other: unknown): unknown {
  const [before, after] = [objectIn({ one }, 'one'), objectIn({ other }, 'other')];
  if (before === undefined || after === undefined) return one ?? other;
  const entries = Object.entries(after).map(([key, value]) => [key, joined(before[key], value)]);
  return Object.fromEntries(entries);
}

function joined(one: unknown, other: unknown): unknown {
  if (Array.isArray(one) && Array.isArray(other)) return [...one, ...other];
  return typeof one === 'string' && typeof other === 'string' ? one + other : other;
}

import type { AnswerContext, Call, WrittenEvent } from '../../call.ts';
import { AnswerBuilder } from '../../answer.ts';
import { isObject, type JsonObject } from '@shoal/protocol/json';

/** 2026-01-02T03:04:05Z. */
export const ARRIVED_AT = Date.UTC(2026, 0, 2, 3, 4, 5);
/** Each reading of the test's clock is this much later. */
const TICK_MS = 1;

/** A context whose clock moves by a millisecond with each reading. */
export function contextOf({ model = 'tiny', peer = (): string | undefined => undefined } = {}): AnswerContext {
  let time = 0;
  const now = (): number => (time += TICK_MS);
  return { id: 'abc', createdAt: ARRIVED_AT, startedAt: 0, now, beganAt: () => TICK_MS, model: () => model, peer };
}

/** The objects of the lines that a call streams. */
export function streamed(call: Call, events: readonly WrittenEvent[], context = contextOf()): readonly JsonObject[] {
  const writer = call.stream(context);
  return linesOf(writer.begin() + events.map((event) => writer.event(event, 0)).join('') + writer.end());
}

export function linesOf(text: string): readonly JsonObject[] {
  return text.split('\n').slice(0, -1).map(parsed);
}

/** The body of the whole answer of a call. */
export function whole(call: Call, events: readonly WrittenEvent[], context = contextOf()): JsonObject {
  const builder = new AnswerBuilder();
  for (const event of events) builder.add(event);
  const finish = events.find((event) => event.type === 'finish');
  const answer = finish && builder.finish(finish);
  return parsed(JSON.stringify(call.write(answer === undefined ? [] : [answer], context)));
}

/** The names of all fields and the types of their values; of a list, those of its first item. */
export function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf);
  if (!isObject(value)) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, shapeOf(field)]));
}

function parsed(text: string): JsonObject {
  const value: unknown = JSON.parse(text);
  if (!isObject(value)) throw new TypeError(`${text} is not a JSON object.`);
  return value;
}

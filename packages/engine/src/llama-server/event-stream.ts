import { isObject, type JsonObject } from '@shoal/protocol/json';
import type { HttpResponse } from '../http/server.ts';
import { EventStream } from '@shoal/formats/event-stream';
import { failures } from './errors.ts';

/** The last event of OpenAI's streams. */
const DONE = '[DONE]';

/** The JSON objects of a stream of events. Events that were received together are yielded together. */
export async function* readEvents(body: HttpResponse['body']): AsyncGenerator<readonly JsonObject[], undefined> {
  const stream = new EventStream();
  for await (const bytes of body) {
    const events: JsonObject[] = [];
    const fault = stream.push(bytes, (data) => {
      if (data !== DONE) events.push(parse(data));
    });
    if (events.length > 0) yield events;
    if (fault !== undefined) throw failures.unreadable(fault);
  }
}

function parse(text: string): JsonObject {
  let event: unknown;
  try {
    event = JSON.parse(text);
  } catch (error) {
    throw failures.unreadable(error);
  }
  if (!isObject(event)) throw failures.unreadable('An event is not a JSON object.');
  return event;
}

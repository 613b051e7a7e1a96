import { isObject, type JsonObject } from '@shoal/protocol';
import type { HttpResponse } from '../http/server.ts';
import { EventStream } from '@shoal/formats/event-stream';
import { failures } from './errors.ts';

/** How OpenAI's streams say that they are over. */
const DONE = '[DONE]';

/** The events of a reply, each a JSON object, as they come: those that arrived together are given together. */
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
  if (!isObject(event)) throw failures.unreadable('An event is no JSON object.');
  return event;
}

import { randomUUID } from 'node:crypto';

/** Makes an id for a tool call that the server sent without one. */
export function newCallId(): string {
  return `call_${randomUUID()}`;
}

import type { Message } from '@shoal/protocol/request';

/** Stands between the texts of messages that are joined. */
const SEPARATOR = '\n\n';

/**
 * Returns a conversation with at most one system message, at its start, because chat templates accept no other. The system
 * messages at the start are joined. A later one becomes user text at its place: part of the user message before or after
 * it, or its own message, because many templates refuse two user messages in a row.
 */
export function withOneSystemMessage(messages: readonly Message[]): readonly Message[] {
  const firstOther = messages.findIndex(({ role }) => role !== 'system');
  const leading = firstOther === -1 ? messages : messages.slice(0, firstOther);
  const rest = firstOther === -1 ? [] : messages.slice(firstOther);
  if (leading.length < 2 && rest.every(({ role }) => role !== 'system')) return messages;
  const content = leading.map((message) => message.content).join(SEPARATOR);
  return [...(leading.length === 0 ? [] : [{ role: 'system', content } as const]), ...withoutSystem(rest)];
}

function withoutSystem(messages: readonly Message[]): readonly Message[] {
  const written: Message[] = [];
  // True if the last message may be joined with a user message that follows.
  let endsInSystem = false;
  for (const message of messages) {
    const isSystem = message.role === 'system';
    const last = written.at(-1);
    if (last?.role === 'user' && (isSystem || (endsInSystem && message.role === 'user'))) {
      written[written.length - 1] = { role: 'user', content: `${last.content}${SEPARATOR}${message.content}` };
    } else {
      written.push(isSystem ? { role: 'user', content: message.content } : message);
    }
    endsInSystem = isSystem;
  }
  return written;
}

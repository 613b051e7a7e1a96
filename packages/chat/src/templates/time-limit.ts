import { ShoalError } from '@shoal/protocol';
import type { Chat, ChatTemplate } from './chat-template.ts';

/** A conversation of so many messages is rendered without a look at how long its beginning takes. */
const TRUSTED_MESSAGES = 64;
/** What rendering may take: the process is ended a little later, and with it the answers of others. */
const RENDER_LIMIT_MS = 2_000;
/** Twice the messages take a template at most so many times as long; the worst that is known grows with the third power. */
const GROWTH_OF_DOUBLING = 8;

/**
 * A template that refuses a conversation for which it would take too long, as some do that go through all messages for each
 * message: beginnings of it are rendered first, each twice as long as the last.
 */
export function templateWithTimeLimit(
  template: ChatTemplate,
  now: () => number = () => performance.now(),
): ChatTemplate {
  return {
    render(chat) {
      for (let count = TRUSTED_MESSAGES; count < chat.messages.length; count *= 2) {
        const takesMs = timeOf(template, { ...chat, messages: chat.messages.slice(0, count) }, now);
        if (takesMs * GROWTH_OF_DOUBLING > RENDER_LIMIT_MS) throw tooLong(chat.messages.length, count);
      }
      return template.render(chat);
    },
  };
}

/** A beginning may be refused where the whole is not; it took its time all the same. */
function timeOf(template: ChatTemplate, chat: Chat, now: () => number): number {
  const startedAt = now();
  try {
    template.render(chat);
  } catch (error) {
    if (!(error instanceof ShoalError)) throw error;
  }
  return now() - startedAt;
}

function tooLong(messages: number, count: number): ShoalError {
  return ShoalError.invalidRequest(
    `The model's chat template takes too long for ${messages} messages. Send ${count} at most.`,
  );
}

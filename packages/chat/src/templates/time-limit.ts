import { ShoalError } from '@shoal/protocol/error';
import type { Chat, ChatTemplate } from './chat-template.ts';

/** Conversations of at most this many messages are rendered without a time check. */
const TRUSTED_MESSAGES = 64;
/** Longest predicted rendering. The process that renders is ended a little later, and other chats of the model wait for it. */
const RENDER_LIMIT_MS = 2_000;
/** Largest factor by which twice the messages slow a template down. The worst known template takes cubic time. */
const GROWTH_OF_DOUBLING = 8;

/**
 * Wraps a template so that it refuses a conversation that would take too long: some templates loop over all messages for
 * each message. It first renders beginnings of the conversation, each twice as long as the previous one.
 */
export function templateWithTimeLimit(
  template: ChatTemplate,
  now: () => number = () => performance.now(),
): ChatTemplate {
  return {
    reasoning: template.reasoning,
    render(chat) {
      for (let count = TRUSTED_MESSAGES; count < chat.messages.length; count *= 2) {
        const takesMs = timeOf(template, { ...chat, messages: chat.messages.slice(0, count) }, now);
        if (takesMs * GROWTH_OF_DOUBLING > RENDER_LIMIT_MS) throw tooLong(chat.messages.length, count);
      }
      return template.render(chat);
    },
  };
}

/** Returns the milliseconds of a rendering. A refusal is ignored: the template may accept the whole conversation. */
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

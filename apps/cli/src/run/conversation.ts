import { MAX_MESSAGES } from '@shoal/protocol';
import type { AnswerFormat, InferenceRequest, Message } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import { NO_PARAMETERS, type Parameters, samplingOf } from './parameters.ts';

/** Limit of a conversation in UTF-16 units: more than models read, and small enough to keep in memory and save. */
export const CONVERSATION_LENGTH_MAX = 4 * 1024 * 1024;

/** The state of a conversation, without its display settings. */
export interface Conversation {
  /** Name or path of its model. */
  readonly model: string;
  readonly system?: string | undefined;
  readonly parameters: Parameters;
  readonly format?: AnswerFormat | undefined;
  /** Questions and answers in order, without the system message. */
  readonly messages: readonly Message[];
}

export function emptyConversation(model: string): Conversation {
  return { model, parameters: NO_PARAMETERS, messages: [] };
}

/** Returns the request for a question after the earlier messages. Throws `INVALID_REQUEST` if it is too long. */
export function requestOf(conversation: Conversation, question: string): InferenceRequest {
  const { system, messages, parameters, format } = conversation;
  const all: Message[] = [
    ...(system === undefined ? [] : [{ role: 'system', content: system } as const]),
    ...messages,
    { role: 'user', content: question },
  ];
  const length = all.reduce((sum, { content }) => sum + content.length, 0);
  if (all.length > MAX_MESSAGES || length > CONVERSATION_LENGTH_MAX) {
    throw ShoalError.invalidRequest('This conversation is too long to continue. Type /clear to begin a new one.');
  }
  return {
    input: { type: 'messages', messages: all },
    sampling: samplingOf(parameters),
    stop: parameters.stop,
    ...(format !== undefined && { format }),
  };
}

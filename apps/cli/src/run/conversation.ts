import { type AnswerFormat, type InferenceRequest, MAX_MESSAGES, type Message, ShoalError } from '@shoal/protocol';
import { NO_PARAMETERS, type Parameters, samplingOf } from './parameters.ts';

/** Of a conversation, in UTF-16 units: far beyond what models read, and short enough to be held and saved. */
export const CONVERSATION_LENGTH_MAX = 4 * 1024 * 1024;

/** What a conversation is, apart from how it is shown. */
export interface Conversation {
  /** What finds its model again. */
  readonly model: string;
  readonly system?: string | undefined;
  readonly parameters: Parameters;
  readonly format?: AnswerFormat | undefined;
  /** Questions and answers in turn, without the system message. */
  readonly messages: readonly Message[];
}

export function emptyConversation(model: string): Conversation {
  return { model, parameters: NO_PARAMETERS, messages: [] };
}

/** What asks this, behind everything that was said. Throws `INVALID_REQUEST` for what is too long. */
export function requestOf(conversation: Conversation, question: string): InferenceRequest {
  const { system, messages, parameters, format } = conversation;
  const all: Message[] = [
    ...(system === undefined ? [] : [{ role: 'system', content: system } as const]),
    ...messages,
    { role: 'user', content: question },
  ];
  const length = all.reduce((sum, { content }) => sum + content.length, 0);
  if (all.length > MAX_MESSAGES || length > CONVERSATION_LENGTH_MAX) {
    throw ShoalError.invalidRequest('This conversation is too long to go on. Type /clear to begin a new one.');
  }
  return {
    input: { type: 'messages', messages: all },
    sampling: samplingOf(parameters),
    stop: parameters.stop,
    ...(format !== undefined && { format }),
  };
}

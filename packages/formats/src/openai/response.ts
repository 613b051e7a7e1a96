import type { Usage } from '@shoal/protocol';
import type { CompletedAnswer } from '../answer.ts';
import { writeLogprobs } from './logprobs.ts';
import { writeMessage } from './messages.ts';

/**
 * Writes a `chat.completion` object (https://platform.openai.com/docs/api-reference/chat/object). `created` is in seconds
 * since 1970. `usage` is null if the worker does not count tokens.
 */
export function writeResponse(answer: CompletedAnswer, id: string, created: number): object {
  const { text, toolCalls, logprobs, finishReason, model = null, usage } = answer;
  return {
    id,
    object: 'chat.completion',
    created,
    model,
    choices: [
      {
        index: 0,
        message: writeMessage({ role: 'assistant', content: text, toolCalls }),
        ...(logprobs !== undefined && { logprobs: { content: writeLogprobs(logprobs), refusal: null } }),
        finish_reason: finishReason,
      },
    ],
    usage: usage === undefined ? null : writeUsage(usage),
  };
}

function writeUsage({ promptTokens, completionTokens }: Usage): object {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

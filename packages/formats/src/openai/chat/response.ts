import type { CompletedAnswer } from '../../answer.ts';
import { writeChoiceLogprobs } from '../logprobs.ts';
import { writeMessage } from '../messages.ts';
import { totalUsage, writeUsage } from '../usage.ts';

export interface ResponseFacts {
  readonly id: string;
  /** Seconds since 1970. */
  readonly created: number;
  readonly model: string | null;
}

/** Writes a `chat.completion` object (https://platform.openai.com/docs/api-reference/chat/object). */
export function writeResponse(answers: readonly CompletedAnswer[], { id, created, model }: ResponseFacts): object {
  const usage = totalUsage(answers.map((answer) => answer.usage));
  return {
    id,
    object: 'chat.completion',
    created,
    model,
    choices: answers.map(writeChoice),
    ...(usage !== undefined && { usage: writeUsage(usage) }),
  };
}

function writeChoice({ text, reasoning, toolCalls, logprobs, finishReason }: CompletedAnswer, index: number): object {
  return {
    index,
    message: {
      ...writeMessage({ role: 'assistant', content: text, toolCalls }),
      refusal: null,
      ...(reasoning !== undefined && writeReasoning(reasoning)),
    },
    logprobs: logprobs === undefined ? null : writeChoiceLogprobs(logprobs),
    finish_reason: finishReason,
  };
}

/** Under both names that clients read: that of DeepSeek and vLLM, and that of OpenRouter. */
export function writeReasoning(text: string): object {
  return { reasoning_content: text, reasoning: text };
}

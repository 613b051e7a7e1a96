import type { CompletedAnswer } from '../../answer.ts';
import type { AnswerContext } from '../../call.ts';
import { totalUsage, writeUsage } from '../usage.ts';
import { writeTextLogprobs } from './logprobs.ts';

/** Writes a `text_completion` object (https://platform.openai.com/docs/api-reference/completions/object). */
export function writeResponse(answers: readonly CompletedAnswer[], context: AnswerContext, echo: string): object {
  const usage = totalUsage(answers.map((answer) => answer.usage));
  return {
    id: `cmpl-${context.id}`,
    object: 'text_completion',
    created: Math.floor(context.createdAt / 1000),
    model: context.model(),
    choices: answers.map(({ text, logprobs, finishReason }, index) => ({
      index,
      text: echo + text,
      logprobs: logprobs === undefined ? null : writeTextLogprobs(logprobs, 0),
      finish_reason: finishReason,
    })),
    ...(usage !== undefined && { usage: writeUsage(usage) }),
  };
}

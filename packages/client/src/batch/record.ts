import type { BatchResult } from './attempt.ts';

/**
 * A result as a line of OpenAI's batch output format (platform.openai.com/docs/api-reference/batch/request-output). A line
 * that failed has no response, and an error with one of our codes and where the line stands in the input.
 */
export function batchRecord(id: string, result: BatchResult, created: number): object {
  const { line, customId = null } = result;
  if ('error' in result) {
    const { code, message } = result.error;
    return { id, custom_id: customId, response: null, error: { code, message, line } };
  }
  const { text, model = null, finishReason, usage } = result.answer;
  const body = {
    id: `chatcmpl-${id}`,
    object: 'chat.completion',
    created,
    model,
    choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: finishReason }],
    // Null where the worker does not count.
    usage: usage === undefined ? null : usageOf(usage),
  };
  return { id, custom_id: customId, response: { status_code: 200, request_id: id, body }, error: null };
}

function usageOf({ promptTokens, completionTokens }: { promptTokens: number; completionTokens: number }): object {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

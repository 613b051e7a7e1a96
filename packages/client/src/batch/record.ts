import { writeResponse } from '@shoal/formats/openai';
import type { BatchResult } from './attempt.ts';

/**
 * A result as a line of OpenAI's batch output format (platform.openai.com/docs/api-reference/batch/request-output). A line
 * that failed has no response, but an error with one of our codes and the line's number in the input. `created` is in seconds
 * since 1970.
 */
export function batchRecord(id: string, result: BatchResult, created: number): object {
  const { line, customId = null } = result;
  if ('error' in result) {
    const { code, message } = result.error;
    return { id, custom_id: customId, response: null, error: { code, message, line } };
  }
  const { answer } = result;
  const response = writeResponse([answer], { id: `chatcmpl-${id}`, created, model: answer.model ?? null });
  // Workers of some dialects do not count tokens.
  const body = { usage: null, ...response };
  return { id, custom_id: customId, response: { status_code: 200, request_id: id, body }, error: null };
}

import type { FinishReason, Usage } from '@shoal/protocol';
import type { AnswerContext } from '../../call.ts';
import type { ResponseError } from './errors.ts';
import { idsOf, type OutputItem } from './items.ts';
import type { Settings } from './request.ts';

const MS_PER_SECOND = 1000;

/** The state of an answer: what of a response the request does not decide. */
export interface AnswerState {
  readonly status: 'in_progress' | 'completed' | 'incomplete' | 'failed';
  readonly output: readonly OutputItem[];
  readonly usage?: Usage | undefined;
  readonly error?: ResponseError | undefined;
}

/** A response (https://platform.openai.com/docs/api-reference/responses/object), with the settings of its request. */
export interface ResponseObject {
  readonly id: string;
  readonly object: 'response';
  readonly status: AnswerState['status'];
  readonly output: readonly OutputItem[];
  readonly [setting: string]: unknown;
}

/** `usage` is null until the answer ends, and if the worker does not count tokens. Times are in seconds since 1970. */
export function writeResponse(settings: Settings, context: AnswerContext, state: AnswerState): ResponseObject {
  const { id, createdAt, startedAt, now, model } = context;
  const { status, output, usage, error } = state;
  return {
    id: idsOf(id).response,
    object: 'response',
    created_at: inSeconds(createdAt),
    status,
    access_programs: null,
    background: false,
    completed_at: status === 'completed' ? inSeconds(createdAt + now() - startedAt) : null,
    error: error ?? null,
    incomplete_details: status === 'incomplete' ? { reason: 'max_output_tokens' } : null,
    model: model(),
    output,
    usage: usage === undefined ? null : writeUsage(usage),
    ...settings,
  };
}

export function endOf(reason: FinishReason): 'completed' | 'incomplete' {
  return reason === 'length' ? 'incomplete' : 'completed';
}

/** The tokens of the reasoning are part of the output and are not counted apart. */
function writeUsage({ promptTokens, cachedTokens = 0, completionTokens }: Usage): object {
  return {
    input_tokens: promptTokens,
    input_tokens_details: { cached_tokens: cachedTokens, cache_write_tokens: 0 },
    output_tokens: completionTokens,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: promptTokens + completionTokens,
  };
}

function inSeconds(ms: number): number {
  return Math.floor(ms / MS_PER_SECOND);
}

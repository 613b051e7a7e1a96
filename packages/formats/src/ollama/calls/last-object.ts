import type { SampledLogprob, Usage } from '@shoal/protocol';
import type { AnswerContext } from '../../call.ts';
import { writeLogprobs } from '../logprobs.ts';
import type { AnswerForm, AnswerParts } from './answer-form.ts';

const NS_PER_MS = 1_000_000;

/** The end of an answer. `text`, `thinking` and `toolCalls` are the parts that no line before has had. */
export interface AnswerEnd extends AnswerParts {
  readonly reason: 'stop' | 'length' | 'load' | 'unload';
  readonly logprobs?: readonly SampledLogprob[] | undefined;
  readonly usage?: Usage | undefined;
  /** When the model began to answer, on the context's clock. Undefined if unknown. */
  readonly beganAt?: number | undefined;
  /** The conversation, for `/api/generate`. */
  readonly conversation?: readonly number[] | undefined;
}

/** The last object of a stream, or the only one. One that only loads or unloads a model has no counts and no durations. */
export function writeLast(form: AnswerForm, context: AnswerContext, end: AnswerEnd): object {
  const { reason, logprobs, conversation } = end;
  return {
    model: context.model(),
    ...remoteFields(context),
    created_at: createdAt(context),
    ...form.fields(end),
    done: true,
    done_reason: reason,
    context: conversation,
    logprobs: logprobs && writeLogprobs(logprobs),
    ...(reason !== 'load' && reason !== 'unload' && metrics(context, end)),
  };
}

/** RFC 3339 in UTC. The monotonic clock measures the time since the arrival. */
export function createdAt({ createdAt: arrivedAt, startedAt, now }: AnswerContext): string {
  return new Date(arrivedAt + now() - startedAt).toISOString();
}

/** Nanoseconds, at least 1, because clients divide by durations. */
export function nanoseconds(ms: number): number {
  return Math.max(1, Math.round(ms * NS_PER_MS));
}

function remoteFields(context: AnswerContext): object {
  const peer = context.peer();
  return peer === undefined ? {} : { remote_model: context.model(), remote_host: peer };
}

/**
 * The time to load a model is part of that for the prompt. If the begin of the answer is unknown, prompt and answer each have
 * the whole time, so that a client computes a rate that is too low and never one that is too high.
 */
function metrics({ startedAt, now }: AnswerContext, { usage, beganAt }: AnswerEnd): object {
  const endedAt = now();
  return {
    total_duration: nanoseconds(endedAt - startedAt),
    load_duration: 0,
    prompt_eval_count: usage?.promptTokens,
    prompt_eval_duration: nanoseconds((beganAt ?? endedAt) - startedAt),
    eval_count: usage?.completionTokens,
    eval_duration: nanoseconds(endedAt - (beganAt ?? startedAt)),
  };
}

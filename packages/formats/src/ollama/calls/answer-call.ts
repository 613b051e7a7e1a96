import type { InferenceRequest } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import type { CompletedAnswer } from '../../answer.ts';
import type { Call } from '../../call.ts';
import type { AnswerForm } from './answer-form.ts';
import type { CallFields } from './fields.ts';
import { type AnswerEnd, writeLast } from './last-object.ts';
import { type EndOf, StreamWriter } from './stream-writer.ts';

/** The parts that chat and generate share. */
interface AnswerCall {
  readonly models: readonly string[];
  readonly request: InferenceRequest;
  readonly streams: boolean;
  readonly loadsModel?: boolean | undefined;
  readonly form: AnswerForm;
  /** Default: the answer's own end. */
  readonly endOf?: EndOf | undefined;
}

/** Returns the call of an answer. `write` throws `GENERATION_FAILED` for a tool call that cannot be written. */
export function answerCall({ models, request, streams, loadsModel, form, endOf = answerEnd }: AnswerCall): Call {
  return {
    models,
    request,
    streams,
    loadsModel,
    count: 1,
    write: ([answer], context) => {
      if (answer === undefined) throw new ShoalError('INTERNAL', 'There is no answer to write.');
      return writeLast(form, context, { ...endOf(answer), beganAt: context.beganAt() });
    },
    stream: (context) => new StreamWriter(form, context, endOf),
  };
}

/** Returns a call without a prompt, which loads the model, or unloads it if `keep_alive` is 0. */
export function loadCall({ models, request }: CallFields, streams: boolean, form: AnswerForm): Call {
  const reason = request.keepAliveMs === 0 ? 'unload' : 'load';
  return answerCall({
    models,
    request: { ...request, input: { type: 'text', text: '' }, countOnly: true },
    streams,
    loadsModel: true,
    form,
    endOf: () => ({ text: '', reason }),
  });
}

/** Ollama ends an answer with tool calls with `stop`. */
export function answerEnd({ text, reasoning, toolCalls, logprobs, usage, finishReason }: CompletedAnswer): AnswerEnd {
  const reason = finishReason === 'length' ? 'length' : 'stop';
  return { text, thinking: reasoning, toolCalls, logprobs, usage, reason };
}

import type { SampledLogprob, FinishEvent, FinishReason, InferenceEvent, Usage } from '@shoal/protocol';
import type { ToolCall } from '@shoal/protocol/request';

/** A whole answer, as an API that does not stream returns it. */
export interface CompletedAnswer {
  readonly text: string;
  readonly finishReason: Exclude<FinishReason, 'abort'>;
  /** Undefined if the model called no tool. */
  readonly toolCalls?: readonly ToolCall[] | undefined;
  /** Undefined if none were received. */
  readonly logprobs?: readonly SampledLogprob[] | undefined;
  /** Undefined if the worker does not report its model. */
  readonly model?: string | undefined;
  readonly usage?: Usage | undefined;
}

/** Joins the events of one answer. */
export class AnswerBuilder {
  #text = '';
  readonly #toolCalls: ToolCall[] = [];
  readonly #logprobs: SampledLogprob[] = [];

  add(event: InferenceEvent): void {
    if (event.type === 'text') {
      this.#text += event.text;
      this.#logprobs.push(...(event.logprobs ?? []));
    } else if (event.type === 'tool_call') {
      const begun = this.#toolCalls[event.index] ?? { id: event.id ?? '', name: event.name ?? '', arguments: '' };
      this.#toolCalls[event.index] = { ...begun, arguments: begun.arguments + event.arguments };
    }
  }

  /** Undefined for an answer that was aborted. */
  finish({ reason, model, usage }: FinishEvent): CompletedAnswer | undefined {
    if (reason === 'abort') return undefined;
    return {
      text: this.#text,
      finishReason: reason,
      ...(this.#toolCalls.length > 0 && { toolCalls: this.#toolCalls }),
      ...(this.#logprobs.length > 0 && { logprobs: this.#logprobs }),
      model,
      usage,
    };
  }
}

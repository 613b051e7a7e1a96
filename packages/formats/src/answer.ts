import type { SampledLogprob, FinishEvent, FinishReason, InferenceEvent, Usage } from '@shoal/protocol';
import type { ToolCall } from '@shoal/protocol/request';

/** A whole answer, as an API that does not stream returns it. */
export interface CompletedAnswer {
  readonly text: string;
  /** Undefined if the model sent no reasoning apart from the text. */
  readonly reasoning?: string | undefined;
  readonly finishReason: Exclude<FinishReason, 'abort'>;
  /** The reason as the engine or the peer reported it. */
  readonly rawReason?: string | undefined;
  /** Undefined if the model called no tool. */
  readonly toolCalls?: readonly ToolCall[] | undefined;
  /** Undefined if none were received. */
  readonly logprobs?: readonly SampledLogprob[] | undefined;
  /** Undefined if the worker does not report its model. */
  readonly model?: string | undefined;
  readonly usage?: Usage | undefined;
  /** Of a request for embeddings: one per text. */
  readonly vectors?: readonly (readonly number[])[] | undefined;
}

/** Joins the events of one answer. */
export class AnswerBuilder {
  #text = '';
  #reasoning = '';
  readonly #vectors: (readonly number[])[] = [];
  readonly #toolCalls: ToolCall[] = [];
  readonly #logprobs: SampledLogprob[] = [];

  add(event: InferenceEvent): void {
    if (event.type === 'text') {
      this.#text += event.text;
      this.#logprobs.push(...(event.logprobs ?? []));
    } else if (event.type === 'reasoning') {
      this.#reasoning += event.text;
    } else if (event.type === 'embedding') {
      this.#vectors[event.index] = event.vector;
    } else if (event.type === 'tool_call') {
      const begun = this.#toolCalls[event.index] ?? { id: event.id ?? '', name: event.name ?? '', arguments: '' };
      this.#toolCalls[event.index] = { ...begun, arguments: begun.arguments + event.arguments };
    }
  }

  /** Undefined for an answer that was aborted. */
  finish({ reason, rawReason, model, usage }: FinishEvent): CompletedAnswer | undefined {
    if (reason === 'abort') return undefined;
    return {
      text: this.#text,
      ...(this.#reasoning !== '' && { reasoning: this.#reasoning }),
      finishReason: reason,
      rawReason,
      ...(this.#toolCalls.length > 0 && { toolCalls: this.#toolCalls }),
      ...(this.#logprobs.length > 0 && { logprobs: this.#logprobs }),
      ...(this.#vectors.length > 0 && { vectors: this.#vectors }),
      model,
      usage,
    };
  }
}

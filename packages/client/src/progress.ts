import {
  type FinishEvent,
  type InferenceEvent,
  type InferenceRequest,
  ShoalError,
  type ToolCallEvent,
} from '@shoal/protocol';
import { monotonicNow } from '@shoal/transport';
import type { Peer } from '@shoal/network';
import { matchModel } from './select.ts';

/** What has been said of one answer, whoever said it. */
export class Progress {
  readonly #request: InferenceRequest;
  readonly #startedAt: number;
  #text: string;
  #tokens: number[];
  #hasBegun = false;
  /** Tool calls whose id and name the reader has. */
  readonly #calls = new Set<number>();
  /** Whether the tokens of the tool calls are known: only they can bring another worker into the middle of one. */
  #hasCallTokens = false;
  /** Embeddings that the reader has. */
  #vectors = 0;
  #digest: string | undefined;
  #error: ShoalError | undefined;

  constructor(request: InferenceRequest, startedAt: number) {
    this.#request = request;
    this.#startedAt = startedAt;
    this.#text = request.resume?.text ?? '';
    this.#tokens = [...(request.resume?.tokens ?? [])];
  }

  /** Whether the reader has anything of the answer. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** The latest failure that no worker has made good yet. */
  get error(): ShoalError | undefined {
    return this.#error;
  }

  /** Before anything was said anybody may answer; after it only whoever has the same model file. */
  canGoOnAt(worker: Peer): boolean {
    if (!this.hasBegun) return true;
    if (this.#calls.size > 0 && !this.#hasCallTokens) return false;
    const model = matchModel(worker.info.models, this.#request.model);
    return this.#digest !== undefined && model?.digest === this.#digest;
  }

  workedOnBy(worker: Peer): void {
    this.#digest = matchModel(worker.info.models, this.#request.model)?.digest;
  }

  /** The request for what is still to be said. */
  remaining(): InferenceRequest {
    const { deadlineMs, sampling, input } = this.#request;
    const left = deadlineMs === undefined ? undefined : Math.ceil(deadlineMs - (monotonicNow() - this.#startedAt));
    if (left !== undefined && left <= 0) throw ShoalError.deadlineExceeded();
    const request = left === undefined ? this.#request : { ...this.#request, deadlineMs: left };
    // Vectors are made again from the first: those that the reader has are not said twice.
    if (!this.hasBegun || input.type === 'embeddings') return request;
    const { maxTokens } = sampling;
    const said = this.#saidTokens;
    return {
      ...request,
      sampling: maxTokens === undefined ? sampling : { ...sampling, maxTokens: Math.max(1, maxTokens - said) },
      resume: { text: this.#text, tokens: this.#tokens },
    };
  }

  /** Whether the reader has this already, from another worker. */
  knows(event: InferenceEvent): boolean {
    return event.type === 'embedding' && event.index < this.#vectors;
  }

  add(event: Exclude<InferenceEvent, { type: 'error' }>): InferenceEvent {
    switch (event.type) {
      case 'queued':
        return event;
      case 'text':
        this.#hasBegun ||= event.text !== '';
        this.#text += event.text;
        this.#tokens.push(...event.tokens);
        return event;
      case 'tool_call':
        return this.#addCall(event);
      case 'embedding':
        this.#hasBegun = true;
        this.#vectors = event.index + 1;
        return event;
      case 'finish':
        return this.#withWholeUsage(event);
      default:
        return event satisfies never;
    }
  }

  failed(error: ShoalError): void {
    this.#error = error;
    // Tokens without a text that the reader has are made again.
    if (!this.hasBegun) this.#tokens = [...(this.#request.resume?.tokens ?? [])];
  }

  aborted(): FinishEvent {
    return { type: 'finish', reason: 'abort', rawReason: 'abort' };
  }

  get #saidTokens(): number {
    return this.#tokens.length - (this.#request.resume?.tokens.length ?? 0);
  }

  /** Whoever goes on in the middle of a call may name it anew: to the reader it is the same one. */
  #addCall(event: ToolCallEvent): ToolCallEvent {
    const { type, index, tokens } = event;
    const isKnown = this.#calls.has(index);
    this.#hasBegun = true;
    this.#calls.add(index);
    this.#hasCallTokens ||= tokens.length > 0;
    this.#tokens.push(...tokens);
    return isKnown ? { type, index, arguments: event.arguments, tokens } : event;
  }

  /** The last worker counts its own tokens only; the reader asked for one answer. */
  #withWholeUsage(finish: FinishEvent): FinishEvent {
    if (finish.usage === undefined || this.#error === undefined) return finish;
    return {
      ...finish,
      usage: { ...finish.usage, completionTokens: Math.max(finish.usage.completionTokens, this.#saidTokens) },
    };
  }
}

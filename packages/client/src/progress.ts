import type { FinishEvent, InferenceEvent, ModelInfo, ToolCallEvent } from '@shoal/protocol';
import type { InferenceRequest } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import { monotonicNow } from '@shoal/transport';
import { type Peer, peerName } from '@shoal/network';
import { matchModel } from './select.ts';

/** The part of one answer that the reader has, from one worker or several. */
export class AnswerProgress {
  readonly #request: InferenceRequest;
  readonly #startedAt: number;
  #text: string;
  #tokens: number[];
  #hasBegun = false;
  /** The indices of tool calls whose id and name the reader has. */
  readonly #calls = new Set<number>();
  /** True if the tokens of tool calls are known. Without them another worker cannot continue a call. */
  #hasCallTokens = false;
  #hasReasoned = false;
  /** True if the tokens of reasoning are known. Without them another worker would reason again. */
  #hasReasoningTokens = false;
  /** The number of embeddings that the reader has. */
  #vectors = 0;
  #digest: string | undefined;
  #worker: Peer | undefined;
  #error: ShoalError | undefined;

  constructor(request: InferenceRequest, startedAt: number) {
    this.#request = request;
    this.#startedAt = startedAt;
    this.#text = request.resume?.text ?? '';
    this.#tokens = [...(request.resume?.tokens ?? [])];
  }

  /** True if the reader has a part of the answer. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** The last worker's error. */
  get error(): ShoalError | undefined {
    return this.#error;
  }

  /** True if the worker can continue the answer. Once the answer has begun, it needs the same model file. */
  canContinueAt(worker: Peer): boolean {
    if (!this.hasBegun) return true;
    return this.#canBeContinued && matchModel(worker.info.models, this.#request.model)?.digest === this.#digest;
  }

  /** Returns the error for the reader of an incomplete answer that no worker continues. */
  interrupted(error: ShoalError): ShoalError {
    const name = this.#worker === undefined ? 'The worker' : peerName(this.#worker);
    const why = this.#canBeContinued
      ? 'no other worker with the same model file was found'
      : `${name} did not send what another worker needs to go on`;
    const message = `The answer is incomplete: ${name} failed in the middle of it (${error.message.replace(/\.$/, '')}). Nobody took over, because ${why}. Ask again.`;
    return new ShoalError(error.code, message, { cause: error, retryAfterMs: error.retryAfterMs });
  }

  /** True if the model file and all tokens of the answer are known. */
  get #canBeContinued(): boolean {
    if (this.#calls.size > 0 && !this.#hasCallTokens) return false;
    if (this.#hasReasoned && !this.#hasReasoningTokens) return false;
    return this.#digest !== undefined;
  }

  /** Returns the worker's model. */
  setWorker(worker: Peer): ModelInfo | undefined {
    const model = matchModel(worker.info.models, this.#request.model);
    this.#digest = model?.digest;
    this.#worker = worker;
    return model;
  }

  /** Returns the request for the rest of the answer. Throws `DEADLINE_EXCEEDED`. */
  remaining(): InferenceRequest {
    const { deadlineMs, sampling, input } = this.#request;
    const left = deadlineMs === undefined ? undefined : Math.ceil(deadlineMs - (monotonicNow() - this.#startedAt));
    if (left !== undefined && left <= 0) throw ShoalError.deadlineExceeded();
    const request = left === undefined ? this.#request : { ...this.#request, deadlineMs: left };
    // Vectors are computed again from the first. `isDuplicate` drops the ones that the reader has.
    if (!this.hasBegun || input.type === 'embeddings') return request;
    const { maxTokens } = sampling;
    const done = this.#newTokens;
    return {
      ...request,
      sampling: maxTokens === undefined ? sampling : { ...sampling, maxTokens: Math.max(1, maxTokens - done) },
      resume: { text: this.#text, tokens: this.#tokens },
    };
  }

  /** True if the reader has this event already from another worker. */
  isDuplicate(event: InferenceEvent): boolean {
    return event.type === 'embedding' && event.index < this.#vectors;
  }

  add(event: Exclude<InferenceEvent, { type: 'error' }>): InferenceEvent {
    switch (event.type) {
      case 'queued':
        return event;
      case 'reasoning':
        this.#hasBegun = true;
        this.#hasReasoned = true;
        this.#hasReasoningTokens ||= event.tokens.length > 0;
        this.#tokens.push(...event.tokens);
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
    // Tokens that have produced no text yet are generated again.
    if (!this.hasBegun) this.#tokens = [...(this.#request.resume?.tokens ?? [])];
  }

  get #newTokens(): number {
    return this.#tokens.length - (this.#request.resume?.tokens.length ?? 0);
  }

  /** A worker that continues a call may send its name again. The reader gets it once. */
  #addCall(event: ToolCallEvent): ToolCallEvent {
    const { type, index, tokens } = event;
    const isKnown = this.#calls.has(index);
    this.#hasBegun = true;
    this.#calls.add(index);
    this.#hasCallTokens ||= tokens.length > 0;
    this.#tokens.push(...tokens);
    return isKnown ? { type, index, arguments: event.arguments, tokens } : event;
  }

  /** The last worker counts its own tokens only. The reader gets the count of the whole answer. */
  #withWholeUsage(finish: FinishEvent): FinishEvent {
    if (finish.usage === undefined || this.#error === undefined) return finish;
    return {
      ...finish,
      usage: { ...finish.usage, completionTokens: Math.max(finish.usage.completionTokens, this.#newTokens) },
    };
  }
}

import { randomUUID } from 'node:crypto';
import type { GenerationEvent, WorkerChosen } from '@shoal/client';
import type { CompletedAnswer } from '@shoal/formats/answer';
import type { AnswerContext, Call } from '@shoal/formats/call';
import type { Usage } from '@shoal/protocol';
import type { ShoalError } from '@shoal/protocol/error';
import type { Outcome } from '../metrics/metrics.ts';
import type { CallAnswer } from './call-answer.ts';
import { startAnswers } from './start-answers.ts';
import { type HttpExchange, respondWithError } from './exchange.ts';

/** The state of a call that streamed and whole answers have in common. */
export class CallProgress {
  readonly context: AnswerContext;
  readonly #exchange: HttpExchange;
  #answers: readonly CallAnswer[] = [];
  #worker: WorkerChosen | undefined;
  #beganAt: number | undefined;
  #usage: Usage | undefined;
  #hasEnded = false;

  constructor(call: Call, exchange: HttpExchange) {
    this.#exchange = exchange;
    const [requested = ''] = call.models;
    const now = (): number => performance.now();
    this.context = {
      id: randomUUID().replaceAll('-', ''),
      createdAt: Date.now(),
      startedAt: now(),
      now,
      beganAt: () => this.#beganAt,
      model: () => this.#worker?.model ?? requested,
      peer: () => (this.#worker === undefined || this.#worker.privacy === 'local' ? undefined : this.#worker.name),
    };
  }

  /** The worker that answers now. */
  get worker(): WorkerChosen | undefined {
    return this.#worker;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Starts the answers of a call. They end when the client leaves. */
  begin(call: Call): readonly CallAnswer[] {
    this.#exchange.response.once('close', () => this.end('cancelled'));
    this.#answers = startAnswers(call, this.#exchange);
    return this.#answers;
  }

  /** Call for each event that an answer gives. */
  add(event: GenerationEvent): void {
    switch (event.type) {
      case 'worker':
        this.#worker = event;
        if (event.model !== undefined) this.#exchange.metrics.answeredBy?.(event.model);
        return;
      case 'text':
      case 'reasoning':
      case 'tool_call':
        this.#addTokens(event.tokens.length);
        return;
      case 'finish':
        this.#usage = addUsage(this.#usage, event.usage);
        return;
      case 'queued':
      case 'embedding':
      case 'error':
        return;
      default:
        event satisfies never;
    }
  }

  completed(answer: CompletedAnswer | undefined): void {
    if (answer !== undefined) this.#exchange.onCompleted?.(answer, this.context);
  }

  /** Ends the answers. Returns false if they have ended before. */
  end(outcome: Outcome): boolean {
    if (this.#hasEnded) return false;
    this.#hasEnded = true;
    for (const answer of this.#answers) answer.cancel();
    this.#exchange.metrics.end(outcome, this.#usage);
    return true;
  }

  /** Ends the answers and responds with an error. Returns false if the response has begun, which the caller must end then. */
  respondWithError(error: ShoalError, thrown: unknown): boolean {
    if (!this.end(error.code)) return true;
    if (this.#exchange.response.headersSent) return false;
    respondWithError(this.#exchange, thrown);
    return true;
  }

  #addTokens(count: number): void {
    if (this.#beganAt === undefined) {
      this.#beganAt = this.context.now();
      this.#exchange.metrics.first();
    }
    this.#exchange.metrics.token(count);
  }
}

/** All answers have the same prompt. */
function addUsage(sum: Usage | undefined, usage: Usage | undefined): Usage | undefined {
  if (sum === undefined || usage === undefined) return sum ?? usage;
  return { ...sum, completionTokens: sum.completionTokens + usage.completionTokens };
}

import { AnswerBuilder, type CompletedAnswer } from '@shoal/formats/answer';
import type { Call } from '@shoal/formats/call';
import { ShoalError } from '@shoal/protocol/error';
import { setAnswerHeaders } from './answer-headers.ts';
import type { CallAnswer } from './call-answer.ts';
import { CallProgress } from './call-progress.ts';
import { type HttpExchange, logInternal, sendJson } from './exchange.ts';

/** The answers of a call, sent as one body once they are complete. */
export class WholeAnswer {
  readonly #call: Call;
  readonly #exchange: HttpExchange;
  readonly #headersWaitMs: number;
  readonly #keepAliveMs: number;
  readonly #progress: CallProgress;
  #timer: NodeJS.Timeout | undefined;

  constructor(call: Call, exchange: HttpExchange, headersWaitMs: number, keepAliveMs: number) {
    this.#call = call;
    this.#exchange = exchange;
    this.#headersWaitMs = headersWaitMs;
    this.#keepAliveMs = keepAliveMs;
    this.#progress = new CallProgress(call, exchange);
  }

  /** Resolves when the response has ended. Never rejects. */
  async run(): Promise<void> {
    try {
      const answers = this.#progress.begin(this.#call);
      this.#timer = setTimeout(() => this.#showLife(), this.#headersWaitMs);
      const completed = await Promise.all(answers.map((answer) => this.#collect(answer)));
      if (this.#progress.hasEnded) return;
      const body = this.#call.write(completed, this.#progress.context);
      this.#progress.completed(completed[0]);
      this.#progress.end('ok');
      this.#send(body);
    } catch (thrown) {
      this.#fail(ShoalError.from(thrown), thrown);
    } finally {
      clearTimeout(this.#timer);
    }
  }

  async #collect(answer: CallAnswer): Promise<CompletedAnswer> {
    const builder = new AnswerBuilder();
    for (;;) {
      const event = await answer.next();
      if (event === undefined) throw ShoalError.generationFailed('The answer ended without an end.');
      if (event.type === 'error') throw event.error;
      this.#progress.add(event);
      if (event.type === 'worker') continue;
      builder.add(event);
      const completed = event.type === 'finish' ? builder.finish(event) : undefined;
      if (completed !== undefined) return completed;
    }
  }

  #send(body: object): void {
    const { response } = this.#exchange;
    if (response.headersSent) {
      response.end(JSON.stringify(body));
      return;
    }
    setAnswerHeaders(response, this.#progress.worker);
    sendJson(response, 200, body);
  }

  /** Sends the headers, and white space from then on, with which JSON may begin. */
  #showLife(): void {
    const { response } = this.#exchange;
    setAnswerHeaders(response, this.#progress.worker);
    response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' });
    response.write(' ');
    this.#timer = setInterval(() => response.write(' '), this.#keepAliveMs);
  }

  #fail(error: ShoalError, thrown: unknown): void {
    if (this.#progress.respondWithError(error, thrown)) return;
    logInternal(error, this.#exchange.log);
    // White space was sent, and the status was success: only a broken connection shows the failure.
    this.#exchange.response.destroy();
  }
}

import { AnswerBuilder } from '@shoal/formats/answer';
import type { AnswerWriter, Call } from '@shoal/formats/call';
import { ShoalError } from '@shoal/protocol/error';
import { setAnswerHeaders } from './answer-headers.ts';
import type { CallAnswer } from './call-answer.ts';
import { CallProgress } from './call-progress.ts';
import { type HttpExchange, logInternal } from './exchange.ts';
import { ResponseStream } from './response-stream.ts';

/** The answers of a call, written as they are generated. */
export class StreamedAnswer {
  readonly #call: Call;
  readonly #exchange: HttpExchange;
  readonly #headersWaitMs: number;
  readonly #keepAliveMs: number;
  readonly #progress: CallProgress;
  readonly #writer: AnswerWriter;
  readonly #stream: ResponseStream;
  #timer: NodeJS.Timeout | undefined;

  constructor(call: Call, exchange: HttpExchange, headersWaitMs: number, keepAliveMs: number) {
    this.#call = call;
    this.#exchange = exchange;
    this.#headersWaitMs = headersWaitMs;
    this.#keepAliveMs = keepAliveMs;
    this.#progress = new CallProgress(call, exchange);
    this.#writer = call.stream(this.#progress.context);
    this.#stream = new ResponseStream(exchange.response, () => this.#timer?.refresh());
  }

  /** Resolves when the response has ended. Never rejects. */
  async run(): Promise<void> {
    try {
      const answers = this.#progress.begin(this.#call);
      this.#timer = setTimeout(() => {
        this.#begin();
        this.#stream.write(this.#writer.keepAlive());
      }, this.#headersWaitMs);
      await Promise.all(answers.map((answer, choice) => this.#write(answer, choice)));
      if (!this.#progress.end('ok')) return;
      this.#stream.write(this.#writer.end());
      this.#stream.end();
    } catch (thrown) {
      this.#fail(ShoalError.from(thrown), thrown);
    } finally {
      clearTimeout(this.#timer);
    }
  }

  /** Writes the events of one answer, at the speed of the reader. */
  async #write(answer: CallAnswer, choice: number): Promise<void> {
    const builder = this.#exchange.onCompleted === undefined ? undefined : new AnswerBuilder();
    let hasWorker = false;
    for (;;) {
      const event = await answer.next();
      if (this.#progress.hasEnded) return;
      if (event === undefined) throw ShoalError.generationFailed('The answer ended without an end.');
      if (event.type === 'error') throw event.error;
      this.#progress.add(event);
      if (event.type === 'worker') {
        if (hasWorker) this.#stream.write(this.#writer.moved(event.name));
        hasWorker = true;
      } else if (event.type !== 'queued' && event.type !== 'embedding') {
        this.#begin();
        builder?.add(event);
        if (event.type === 'finish') this.#progress.completed(builder?.finish(event));
        this.#stream.write(this.#writer.event(event, choice));
        if (event.type === 'finish') return;
      }
      const room = this.#stream.room();
      if (room !== undefined) await room;
    }
  }

  /** Sends the headers once. From then on, signs of life are sent while there is nothing else. */
  #begin(): void {
    const { response } = this.#exchange;
    if (response.headersSent) return;
    clearTimeout(this.#timer);
    this.#timer = setInterval(() => this.#stream.write(this.#writer.keepAlive()), this.#keepAliveMs);
    setAnswerHeaders(response, this.#progress.worker);
    response.writeHead(200, {
      'content-type': this.#writer.contentType,
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    });
    this.#stream.write(this.#writer.begin());
  }

  /** Ends the response with an error: with its status if nothing was sent, else in the stream. */
  #fail(error: ShoalError, thrown: unknown): void {
    if (this.#progress.respondWithError(error, thrown)) return;
    logInternal(error, this.#exchange.log);
    this.#stream.write(this.#writer.fail(error));
    if (this.#writer.endsAfterFailure === true) this.#stream.end();
    else this.#stream.cut();
  }
}

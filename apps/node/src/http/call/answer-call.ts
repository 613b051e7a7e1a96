import { randomUUID } from 'node:crypto';
import type { GenerationEvent, WorkerChosen } from '@shoal/client';
import { AnswerBuilder, type CompletedAnswer } from '@shoal/formats/answer';
import type { AnswerContext, AnswerWriter, Call } from '@shoal/formats/call';
import type { InferenceRequest } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import { MAX_REQUEST_BYTES } from '@shoal/protocol/shoal';
import { isNamed, MAX_DEADLINE_MS, type Usage } from '@shoal/protocol';
import type { NodeControl } from '../../api.ts';
import { tooLarge } from '../json-body.ts';
import { CallAnswer } from './call-answer.ts';
import type { Outcome } from '../metrics/metrics.ts';
import { type HttpExchange, logInternal, respondWithError, sendJson } from './exchange.ts';
import { type ModelRoute, routesOf } from './model-route.ts';
import { ResponseStream } from './response-stream.ts';

/** The headers of a stream wait this long for the first event, so that an early failure keeps its status. */
const HEADERS_WAIT_MS = 5_000;
/** A stream without anything to send gets a sign of life at this interval. Node clients give up after 300 s. */
const KEEP_ALIVE_MS = 10_000;
/** A whole answer that takes longer gets its headers, and then white space at the interval of signs of life. */
const WHOLE_HEADERS_WAIT_MS = 120_000;
/** The value of `X-Shoal-Worker` if the headers are sent before a worker is known. */
const PENDING = 'pending';

/** The times of an answer's signs of life. Tests use shorter ones. */
export interface CallTimes {
  readonly headersWaitMs: number;
  readonly keepAliveMs: number;
  readonly wholeHeadersWaitMs: number;
}

const TIMES: CallTimes = {
  headersWaitMs: HEADERS_WAIT_MS,
  keepAliveMs: KEEP_ALIVE_MS,
  wholeHeadersWaitMs: WHOLE_HEADERS_WAIT_MS,
};

/**
 * Answers a call of any API: streamed or whole, with one generation per requested answer. A client that hangs up stops the
 * workers. Resolves when the response has ended. Never rejects.
 */
export async function answerCall(call: Call, exchange: HttpExchange, times = TIMES): Promise<void> {
  const answering = new Answering(call, exchange, times);
  try {
    await answering.run();
  } catch (thrown) {
    answering.fail(ShoalError.from(thrown), thrown);
  }
}

/** One call while it is answered. */
class Answering {
  readonly #call: Call;
  readonly #exchange: HttpExchange;
  readonly #times: CallTimes;
  readonly #answers: CallAnswer[] = [];
  readonly #context: AnswerContext;
  #worker: WorkerChosen | undefined;
  #beganAt: number | undefined;
  #usage: Usage | undefined;
  #hasEnded = false;
  #writer: AnswerWriter | undefined;
  #stream: ResponseStream | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(call: Call, exchange: HttpExchange, times: CallTimes) {
    this.#call = call;
    this.#exchange = exchange;
    this.#times = times;
    const [requested = ''] = call.models;
    const now = (): number => performance.now();
    this.#context = {
      id: randomUUID().replaceAll('-', ''),
      createdAt: Date.now(),
      startedAt: now(),
      now,
      beganAt: () => this.#beganAt,
      model: () => this.#worker?.model ?? requested,
      peer: () => (this.#worker === undefined || this.#worker.privacy === 'local' ? undefined : this.#worker.name),
    };
  }

  async run(): Promise<void> {
    const [call, exchange] = [this.#call, this.#exchange];
    const routes = this.#routes();
    exchange.response.once('close', () => this.#left());
    const node = call.loadsModel === true ? nodeThatLoads(exchange.node, routes) : exchange.node;
    for (let choice = 0; choice < call.count; choice++) {
      this.#answers.push(new CallAnswer(node, this.#request(choice), routes));
    }
    await (call.streams ? this.#runStream() : this.#runWhole());
  }

  /** Ends the response with an error: with its status if nothing was sent, else in the stream. */
  fail(error: ShoalError, thrown: unknown = error): void {
    if (this.#hasEnded) return;
    this.#end(error.code);
    const { response, log } = this.#exchange;
    if (!response.headersSent) return respondWithError(this.#exchange, thrown);
    logInternal(error, log);
    if (this.#writer === undefined || this.#stream === undefined) {
      // White space was sent, and the status was success: only a broken connection shows the failure.
      response.destroy();
      return;
    }
    this.#stream.write(this.#writer.fail(error));
    if (this.#writer.endsAfterFailure === true) this.#stream.end();
    else this.#stream.cut();
  }

  /** Throws with status 413 if only a peer has the model and the request is too large to be sent to one. */
  #routes(): readonly ModelRoute[] {
    const { node, aliases, bodyBytes } = this.#exchange;
    const models = node.models();
    const clusters = node.clusters().map(({ id }) => id);
    const routes = routesOf(this.#call.models, this.#call.request, { aliases, clusters, models });
    if (bodyBytes > MAX_REQUEST_BYTES) {
      const own = models.filter(({ isOwn }) => isOwn);
      const isOwn = routes.some(({ model }) => own.some((offered) => model === undefined || isNamed(offered, model)));
      if (!isOwn) throw tooLarge(MAX_REQUEST_BYTES, 'A request to a model of another peer');
    }
    return routes;
  }

  /** With a seed, each answer needs its own. */
  #request(choice: number): InferenceRequest {
    const { request, streams } = this.#call;
    const { sampling } = request;
    const deadlineMs = streams ? undefined : timeoutMs(this.#exchange.headers['x-stainless-timeout']);
    return {
      ...request,
      ...(deadlineMs !== undefined && { deadlineMs: Math.min(request.deadlineMs ?? deadlineMs, deadlineMs) }),
      ...(choice > 0 && sampling.seed !== undefined && { sampling: { ...sampling, seed: sampling.seed + choice } }),
    };
  }

  async #runStream(): Promise<void> {
    const { response } = this.#exchange;
    const writer = this.#call.stream(this.#context);
    const stream = new ResponseStream(response, () => this.#timer?.refresh());
    this.#writer = writer;
    this.#stream = stream;
    this.#timer = setTimeout(() => {
      this.#beginStream(writer, stream);
      stream.write(writer.keepAlive());
    }, this.#times.headersWaitMs);
    await Promise.all(this.#answers.map((answer, choice) => this.#pump(answer, choice, writer, stream)));
    if (this.#hasEnded) return;
    this.#end('ok');
    stream.write(writer.end());
    stream.end();
  }

  /** Writes the events of one answer, at the speed of the reader. */
  async #pump(answer: CallAnswer, choice: number, writer: AnswerWriter, stream: ResponseStream): Promise<void> {
    let worker: WorkerChosen | undefined;
    const { onCompleted } = this.#exchange;
    const builder = onCompleted === undefined ? undefined : new AnswerBuilder();
    for (;;) {
      const event = await answer.next();
      if (event === undefined || this.#hasEnded) return this.#ended(event);
      switch (event.type) {
        case 'queued':
        case 'embedding':
          break;
        case 'worker':
          this.#setWorker(event);
          if (worker !== undefined) stream.write(writer.moved(event.name));
          worker = event;
          break;
        case 'error':
          return this.fail(event.error);
        case 'text':
        case 'reasoning':
        case 'tool_call':
        case 'finish':
          this.#count(event);
          this.#beginStream(writer, stream);
          builder?.add(event);
          if (event.type === 'finish') this.#completed(builder?.finish(event));
          stream.write(writer.event(event, choice));
          if (event.type === 'finish') return;
          break;
        default:
          return event satisfies never;
      }
      const room = stream.room();
      if (room !== undefined) await room;
    }
  }

  /** Sends the headers once. From then on, signs of life are sent while there is nothing else. */
  #beginStream(writer: AnswerWriter, stream: ResponseStream): void {
    const { response } = this.#exchange;
    if (response.headersSent) return;
    clearTimeout(this.#timer);
    this.#timer = setInterval(() => stream.write(writer.keepAlive()), this.#times.keepAliveMs);
    this.#setHeaders();
    response.writeHead(200, {
      'content-type': writer.contentType,
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    });
    stream.write(writer.begin());
  }

  async #runWhole(): Promise<void> {
    const { response } = this.#exchange;
    this.#timer = setTimeout(() => {
      this.#setHeaders();
      response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' });
      // JSON may begin with white space.
      response.write(' ');
      this.#timer = setInterval(() => response.write(' '), this.#times.keepAliveMs);
    }, this.#times.wholeHeadersWaitMs);
    const completed = await Promise.all(this.#answers.map((answer) => this.#collect(answer)));
    const answers = completed.filter((answer) => answer !== undefined);
    if (this.#hasEnded || answers.length < completed.length) return;
    const body = this.#call.write(answers, this.#context);
    this.#completed(answers[0]);
    this.#end('ok');
    if (response.headersSent) return void response.end(JSON.stringify(body));
    this.#setHeaders();
    sendJson(response, 200, body);
  }

  /** Resolves with undefined if the answer failed or was cancelled. */
  async #collect(answer: CallAnswer): Promise<CompletedAnswer | undefined> {
    const builder = new AnswerBuilder();
    for (;;) {
      const event = await answer.next();
      if (event === undefined || this.#hasEnded) return this.#ended(event);
      if (event.type === 'error') {
        this.fail(event.error);
        return undefined;
      }
      if (event.type === 'worker') this.#setWorker(event);
      else {
        this.#count(event);
        builder.add(event);
        if (event.type === 'finish') return builder.finish(event);
      }
    }
  }

  #completed(answer: CompletedAnswer | undefined): void {
    if (answer !== undefined) this.#exchange.onCompleted?.(answer, this.#context);
  }

  /** Called when an answer gives no more events, or none that anybody reads. */
  #ended(event: GenerationEvent | undefined): undefined {
    if (event === undefined && !this.#hasEnded) {
      this.fail(ShoalError.generationFailed('The answer ended without an end.'));
    }
    return undefined;
  }

  #count(event: GenerationEvent): void {
    const { metrics } = this.#exchange;
    if (event.type === 'text' || event.type === 'reasoning' || event.type === 'tool_call') {
      this.#begun();
      metrics.token(event.tokens.length);
    } else if (event.type === 'finish') this.#usage = addUsage(this.#usage, event.usage);
  }

  #begun(): void {
    if (this.#beganAt !== undefined) return;
    this.#beganAt = this.#context.now();
    this.#exchange.metrics.first();
  }

  #setWorker(worker: WorkerChosen): void {
    this.#worker = worker;
  }

  /** Who answers, or will answer. Names of peers are printable ASCII in headers. */
  #setHeaders(): void {
    const { response } = this.#exchange;
    const worker = this.#worker;
    response.setHeader('x-shoal-worker', worker === undefined ? PENDING : encodeHeader(worker.name));
    if (worker === undefined) return;
    const { digest, privacy, attempts, auto } = worker;
    if (digest !== undefined) response.setHeader('x-shoal-model-digest', encodeHeader(digest));
    if (privacy !== undefined) response.setHeader('x-shoal-privacy', privacy);
    if (attempts !== undefined) response.setHeader('x-shoal-attempts', attempts);
    if (auto !== undefined) response.setHeader('x-shoal-auto', encodeHeader(auto));
  }

  #left(): void {
    if (!this.#hasEnded) this.#end('cancelled');
  }

  /** Releases timers and workers. */
  #end(outcome: Outcome): void {
    this.#hasEnded = true;
    clearTimeout(this.#timer);
    for (const answer of this.#answers) answer.cancel();
    this.#exchange.metrics.end(outcome, this.#usage);
  }
}

/** All answers have the same prompt. */
function addUsage(sum: Usage | undefined, usage: Usage | undefined): Usage | undefined {
  if (sum === undefined || usage === undefined) return sum ?? usage;
  return { ...sum, completionTokens: sum.completionTokens + usage.completionTokens };
}

/** Returns the node, or one that does nothing if the model's worker cannot count tokens, which is how a model is loaded. */
function nodeThatLoads(node: NodeControl, [route]: readonly ModelRoute[]): Pick<NodeControl, 'prompt'> {
  const model = node.models().find((offered) => route?.model !== undefined && isNamed(offered, route.model));
  if (model?.abilities === undefined || model.abilities.includes('count')) return node;
  return { prompt: loadedAlready };
}

async function* loadedAlready(): AsyncGenerator<GenerationEvent> {
  yield { type: 'finish', reason: 'stop', rawReason: 'load' };
}

/** The SDKs of OpenAI and Anthropic tell their timeout in whole seconds. */
function timeoutMs(header: string | string[] | undefined): number | undefined {
  const seconds = Number(header ?? Number.NaN);
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(Math.ceil(seconds * 1_000), MAX_DEADLINE_MS) : undefined;
}

/** Percent-encodes everything but printable ASCII, and the percent sign. */
function encodeHeader(text: string): string {
  return text.replaceAll(/[^\x20-\x24\x26-\x7e]/gu, (character) => encodeURIComponent(character.toWellFormed()));
}

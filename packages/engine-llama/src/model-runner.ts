import { type InferenceEvent, isTerminal, type ModelInfo } from '@shoal/protocol';
import type { InferenceRequest } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import { orAborted } from '@shoal/engine/child-process/abort';
import { engineClosed, modelUnavailable } from '@shoal/engine/child-process/errors';
import { memoryLimitBytes } from '@shoal/engine/child-process/memory-limit';
import { Supervisor } from '@shoal/engine/child-process/supervisor';
import type { CheckFile } from '@shoal/engine/model-files/model-file';
import { AnswerQueue } from './answer-queue.ts';
import type { LoadRequest, LogLevel, ModelDescription, RequestEvent } from './messages.ts';
import { type RunningMessage, type RunningModel, startModel } from './model-process.ts';

/** Tokens per acknowledgement to the child; must be less than the run-ahead. */
const ACK_TOKENS = 16;

export interface ModelRunnerOptions {
  /** The model's id. */
  readonly id: string;
  readonly request: LoadRequest;
  readonly checkFile: CheckFile;
  /** Default: derived from the prediction of `checkFile`. */
  readonly memoryLimitBytes?: number | undefined;
  readonly log: (level: LogLevel, text: string) => void;
  readonly onLoaded?: ((description: ModelDescription) => void) | undefined;
}

/** Runs one model in a child process, which starts with the first request and can be unloaded at any time. */
export class ModelRunner {
  readonly id: string;
  readonly slots: number;
  /** The model's description, loaded or not; undefined until it was loaded once. */
  known: ModelDescription | undefined;
  readonly #options: ModelRunnerOptions;
  readonly #answers = new Map<number, AnswerQueue>();
  #supervisor: Supervisor<RunningModel>;
  #lastId = 0;

  constructor(options: ModelRunnerOptions) {
    this.#options = options;
    this.id = options.id;
    this.slots = options.request.slots;
    this.#supervisor = this.#supervise();
  }

  /** The number of running requests, including those that wait for a slot. */
  get active(): number {
    return this.#answers.size;
  }

  /** True while its process has failed and is started again. */
  get hasFailed(): boolean {
    return this.#supervisor.hasFailed;
  }

  get isResident(): boolean {
    return this.#supervisor.isRunning;
  }

  /** Resolves when the model is in memory. Rejects with a `ShoalError` for the model's owner. */
  async load(): Promise<ModelInfo> {
    return describe(this.id, (await this.#supervisor.ready()).description);
  }

  async *generate(request: InferenceRequest, signal: AbortSignal): AsyncGenerator<InferenceEvent> {
    const id = ++this.#lastId;
    const answer = new AnswerQueue();
    const abort = () => answer.abort();
    signal.addEventListener('abort', abort);
    if (signal.aborted) abort();
    this.#answers.set(id, answer);
    try {
      if (!answer.ended) void this.#begin(id, request, answer);
      let tokens = 0;
      for (;;) {
        const event = await answer.take();
        if ('tokens' in event) tokens += event.tokens.length;
        if (tokens >= ACK_TOKENS) {
          answer.process?.send({ type: 'ack', id, tokens });
          tokens = 0;
        }
        yield event;
        if (isTerminal(event)) return;
      }
    } finally {
      signal.removeEventListener('abort', abort);
      this.#answers.delete(id);
      const { process } = answer;
      process?.send({ type: 'abort', id });
      if (process !== undefined) this.#watch(process);
    }
  }

  /** Frees the memory. The next request loads the model again. */
  async unload(): Promise<void> {
    const supervisor = this.#supervisor;
    this.#supervisor = this.#supervise();
    await supervisor.close();
  }

  async close(): Promise<void> {
    for (const answer of this.#answers.values()) fail(answer, engineClosed());
    await this.#supervisor.close();
  }

  #supervise(): Supervisor<RunningModel> {
    return new Supervisor({ start: (signal) => this.#start(signal), lost: (error) => this.#lose(error) });
  }

  async #start(signal: AbortSignal): Promise<RunningModel> {
    const { request, checkFile, log } = this.#options;
    const predictedBytes = await orAborted(checkFile(request), signal);
    const limitBytes = this.#options.memoryLimitBytes ?? memoryLimitBytes(predictedBytes);
    const onMessage = (message: RunningMessage): void => this.#receive(message);
    const running = await startModel({ request, limitBytes, onMessage }, signal).catch((error: unknown) => {
      if (error instanceof ShoalError && typeof error.cause === 'string') log('error', describeFailure(error));
      throw error;
    });
    this.known = running.description;
    this.#options.onLoaded?.(running.description);
    const { contextLength, threads, device, isOffline } = running.description;
    const network = isOffline ? 'no network' : 'the network is open to it';
    const how = `${this.slots} × ${contextLength} tokens, ${threads} threads, ${device}, ${network}`;
    log('info', `Model ${this.id} is loaded in process ${running.process.pid} (${how}).`);
    return running;
  }

  async #begin(id: number, request: InferenceRequest, answer: AnswerQueue): Promise<void> {
    try {
      const { process, templates } = await this.#supervisor.ready().catch((error: unknown) => {
        throw modelUnavailable(error);
      });
      const { input } = request;
      const rendered =
        input.type === 'messages' && templates.isReady
          ? await templates.render({ ...request, messages: input.messages }, () => !answer.ended)
          : undefined;
      if (answer.ended) return;
      process.send({ type: 'generate', id, request: { ...request, rendered } });
      answer.process = process;
      this.#watch(process);
    } catch (error) {
      fail(answer, ShoalError.from(error));
    }
  }

  /** A child with running requests sends messages regularly. */
  #watch(process: RunningModel['process']): void {
    process.watchSilence([...this.#answers.values()].some((answer) => answer.process === process));
  }

  #receive(message: RunningMessage): void {
    if (message.type === 'log') return this.#options.log(message.level, message.text);
    const { memoryBytes } = message;
    if (this.known !== undefined && memoryBytes !== undefined) this.known = { ...this.known, memoryBytes };
    for (const event of message.items) this.#receiveEvent(event);
  }

  #receiveEvent(event: RequestEvent): void {
    const answer = this.#answers.get(event.id);
    if (answer === undefined) return;
    switch (event.type) {
      case 'started':
        answer.promptTokens = event.promptTokens;
        answer.cachedTokens = event.cachedTokens;
        return;
      case 'output':
        for (const output of event.events) answer.push(output);
        return;
      case 'finish': {
        const { reason, rawReason, completionTokens } = event;
        const { promptTokens, cachedTokens } = answer;
        this.#supervisor.resetBackOff();
        this.#leave(answer);
        const usage = { promptTokens, cachedTokens, completionTokens };
        return answer.end({ type: 'finish', reason, rawReason, usage, model: this.id });
      }
      case 'failed':
        this.#leave(answer);
        if (event.detail !== undefined) this.#options.log('error', event.detail);
        return fail(answer, new ShoalError(event.code, event.message, { cause: event.detail }));
      default:
        event satisfies never;
    }
  }

  /** The child has finished the request. */
  #leave(answer: AnswerQueue): void {
    const { process } = answer;
    answer.process = undefined;
    if (process !== undefined) this.#watch(process);
  }

  #lose(error: ShoalError): void {
    this.#options.log('error', describeFailure(error));
    for (const answer of this.#answers.values()) {
      if (answer.process === undefined) continue;
      answer.process = undefined;
      fail(answer, error);
    }
  }
}

export function describe(id: string, known: ModelDescription): ModelInfo {
  const { digest, contextLength, abilities, quantization } = known;
  return { id, digest, contextLength, abilities, quantization };
}

function fail(answer: AnswerQueue, error: ShoalError): void {
  answer.end({ type: 'error', error });
}

function describeFailure({ message, cause }: ShoalError): string {
  return typeof cause === 'string' ? `${message} (${cause})` : message;
}

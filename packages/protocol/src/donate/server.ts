import { ShoalError } from '../error.ts';
import type { InferenceEvent } from '../event.ts';
import type { JsonObject } from '../json.ts';
import { type InferenceRequest, promptInput } from '../request.ts';
import type { Output } from '../session.ts';
import type { MessageEncoder, ServerSessionSide } from '../side.ts';
import { parseChunkFrame } from './chunk-frame.ts';
import { errorWords, JOB_TOO_LONG, NOT_ENABLED, NOT_MOUNTED, SEND_INFER, SEND_PROMPT, unknownType } from './errors.ts';
import {
  checkVersion,
  type InferMessage,
  MAX_JOB_BYTES,
  type Mode,
  type PromptMessage,
  type QueueStatus,
  readInfer,
  readPrompt,
  VERSION,
} from './messages.ts';
import { type DonateOutput, ModelUpload, type UploadEvent } from './upload.ts';

export interface DonateServerOptions {
  readonly mode: Mode;
  /** The name of a `local_lm` node's model; never a path. */
  readonly model?: string | undefined;
  /** How the one queue of all connections fares now. */
  readonly queue: () => QueueStatus;
}

interface OpenJob {
  readonly job: InferMessage | PromptMessage;
  readonly newIds: number[];
  text: string;
  /** Jobs that waited when this one started; undefined before. */
  depth: number | undefined;
}

/** The donating end: greets, takes a model or prompts, and answers each job with one frame. */
export class DonateServer implements ServerSessionSide<UploadEvent> {
  readonly #encode: MessageEncoder;
  readonly #nextId: () => number;
  readonly #options: DonateServerOptions;
  readonly #upload: ModelUpload;
  readonly #open = new Map<number, OpenJob>();
  /** The upload that a `local_lm` node does not take was told so. */
  #isUploadRefused = false;
  /** What was last said of the queue; undefined where the peer never asked. */
  #queueSaid: QueueStatus | undefined;

  constructor(encode: MessageEncoder, nextId: () => number, options: DonateServerOptions) {
    this.#encode = encode;
    this.#nextId = nextId;
    this.#options = options;
    this.#upload = new ModelUpload({ say: (message) => this.#say(message), nextId });
  }

  start(): DonateOutput[] {
    const { mode, model, queue } = this.#options;
    const { capacity } = queue();
    return [this.#say({ type: 'hello', mode, role: 'server', local_lm_path: model, queue_capacity: capacity })];
  }

  parse(body: Uint8Array): JsonObject | undefined {
    return parseChunkFrame(body);
  }

  message(message: JsonObject, bytes: number, now: number): DonateOutput[] | undefined {
    checkVersion(message);
    switch (message['type']) {
      case 'hello':
        return [];
      case 'model_begin':
        this.#isUploadRefused = false;
        return this.#takesModels() ? this.#upload.begin(message, now) : this.#refuseUpload();
      case 'weights_chunk':
        return this.#takesModels() ? this.#upload.chunk(message, now) : this.#refuseUpload();
      case 'model_commit':
        return this.#takesModels() ? this.#upload.commit() : this.#refuseUpload();
      case 'infer':
        return this.#takeJob(readInfer(message), bytes);
      case 'prompt':
        return this.#takeJob(readPrompt(message), bytes);
      case 'queue_status':
        this.#queueSaid = this.#options.queue();
        return [this.#say({ type: 'queue_status', ...this.#queueSaid })];
      default:
        return undefined;
    }
  }

  unknown(type: string): ShoalError {
    return ShoalError.invalidRequest(unknownType(type));
  }

  fault(error: ShoalError): DonateOutput[] {
    return [this.#error(errorWords(error))];
  }

  respond(id: number, event: InferenceEvent): DonateOutput[] {
    const open = this.#open.get(id);
    if (open === undefined) return [];
    switch (event.type) {
      case 'queued':
      // Nobody can ask for these here.
      case 'tool_call':
      case 'embedding':
        return [];
      case 'text':
        open.text += event.text;
        open.newIds.push(...event.tokens);
        return [];
      case 'finish':
        this.#open.delete(id);
        return event.reason === 'abort' ? [] : [this.#result(open, answerOf(open))];
      case 'error':
        this.#open.delete(id);
        return [this.#failure(open, errorWords(event.error))];
      default:
        return event satisfies never;
    }
  }

  /** The upload with this id is over: its model is mounted, or cannot be because of `error`. */
  endUpload(id: number, error?: ShoalError): DonateOutput[] {
    return this.#upload.ended(id, error);
  }

  /** The job's turn has come, while so many others wait. */
  started(id: number, depth: number): void {
    const open = this.#open.get(id);
    if (open !== undefined) open.depth = depth;
  }

  /** Tells a peer that asked how the queue fares, if that has changed. */
  queueChanged(): DonateOutput[] {
    const [before, now] = [this.#queueSaid, this.#options.queue()];
    if (before === undefined || isSame(before, now)) return [];
    this.#queueSaid = now;
    return [this.#say({ type: 'queue_status', ...now })];
  }

  credit(): number {
    return Infinity;
  }

  tick(now: number): DonateOutput[] {
    return this.#upload.tick(now);
  }

  get wakeAt(): number {
    return this.#upload.wakeAt;
  }

  end(): DonateOutput[] {
    const ids = [...this.#open.keys()];
    this.#open.clear();
    return [...ids.map((id): DonateOutput => ({ type: 'abort', id })), ...this.#upload.end()];
  }

  #takesModels(): boolean {
    return this.#options.mode === 'model_push';
  }

  #refuseUpload(): DonateOutput[] {
    if (this.#isUploadRefused) return [];
    this.#isUploadRefused = true;
    return [this.#error(NOT_ENABLED)];
  }

  #takeJob(job: InferMessage | PromptMessage, bytes: number): DonateOutput[] {
    const refusal = this.#refusalOf(job);
    if (refusal !== undefined) return [this.#error(refusal)];
    if (bytes > MAX_JOB_BYTES) return [this.#error(JOB_TOO_LONG)];
    const id = this.#nextId();
    this.#open.set(id, { job, newIds: [], text: '', depth: undefined });
    return [{ type: 'request', id, request: requestOf(job) }];
  }

  #refusalOf({ type, job_id: jobId }: InferMessage | PromptMessage): string | undefined {
    if (type === 'infer' && !this.#takesModels()) return SEND_PROMPT;
    if (type === 'prompt' && this.#takesModels()) return SEND_INFER;
    if (type === 'infer' && !this.#upload.isCommitted) return NOT_MOUNTED;
    const isOpen = [...this.#open.values()].some(({ job }) => job.job_id === jobId);
    return isOpen ? `duplicate job_id: ${jobId}` : undefined;
  }

  #result({ job, depth }: OpenJob, answer: object): Output {
    const queueDepth = depth ?? this.#options.queue().depth;
    return this.#say({ type: `${job.type}_result`, job_id: job.job_id, ...answer, queue_depth: queueDepth });
  }

  /** A result would overtake those of the jobs before this one where its turn never came. */
  #failure(open: OpenJob, words: string): Output {
    return open.depth === undefined ? this.#error(words) : this.#result(open, { ok: false, error: words });
  }

  #error(words: string): Output {
    return this.#say({ type: 'error', error: words });
  }

  #say(message: object): Output {
    return { type: 'send', bytes: this.#encode({ v: VERSION, ...message }).bytes };
  }
}

function requestOf(job: InferMessage | PromptMessage): InferenceRequest {
  if (job.type === 'prompt') {
    return { input: promptInput(job.prompt), sampling: { maxTokens: job.max_out }, stop: [] };
  }
  const sampling = { maxTokens: job.max_tokens, temperature: 0 };
  return { input: { type: 'tokens', tokens: job.input_ids }, sampling, stop: [] };
}

function answerOf({ job, newIds, text }: OpenJob): object {
  if (job.type === 'prompt') return { ok: true, text };
  return { ok: true, output_ids: [...job.input_ids, ...newIds] };
}

function isSame(left: QueueStatus, right: QueueStatus): boolean {
  return left.depth === right.depth && left.capacity === right.capacity && left.in_progress === right.in_progress;
}

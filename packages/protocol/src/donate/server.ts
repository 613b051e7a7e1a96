import { ShoalError } from '../error.ts';
import type { InferenceEvent } from '../event.ts';
import type { BodyPiece } from '../framing/framer.ts';
import type { JsonObject } from '../json.ts';
import { type InferenceRequest, promptInput } from '../request.ts';
import type { Output } from '../session.ts';
import type { MessageEncoder, ServerSessionSide } from '../side.ts';
import { parseChunkFrame } from './chunk-frame.ts';
import { ChunkReceiver } from './chunk-receiver.ts';
import {
  errorText,
  JOB_TOO_LONG,
  MESSAGE_TOO_LONG,
  NOT_ENABLED,
  NOT_MOUNTED,
  SEND_INFER,
  SEND_PROMPT,
  unknownType,
} from './errors.ts';
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
  /** Returns the current state of the queue, which all connections share. */
  readonly queue: () => QueueStatus;
}

interface OpenJob {
  readonly job: InferMessage | PromptMessage;
  readonly newIds: number[];
  text: string;
  /** Jobs that waited when this one started. Undefined before it starts. */
  depth: number | undefined;
}

/** The server side: sends a hello, receives a model or prompts, and answers each job with one frame. */
export class DonateServer implements ServerSessionSide<UploadEvent> {
  readonly #encode: MessageEncoder;
  readonly #nextId: () => number;
  readonly #options: DonateServerOptions;
  readonly #upload: ModelUpload;
  readonly #chunks: ChunkReceiver;
  readonly #open = new Map<number, OpenJob>();
  /** True once this node, in `local_lm` mode, has refused the current upload. */
  #isUploadRefused = false;
  /** The last `queue_status` sent. Undefined if the peer has not asked for it. */
  #sentQueue: QueueStatus | undefined;

  constructor(encode: MessageEncoder, nextId: () => number, options: DonateServerOptions) {
    this.#encode = encode;
    this.#nextId = nextId;
    this.#options = options;
    this.#upload = new ModelUpload({ send: (message) => this.#send(message), nextId });
    this.#chunks = new ChunkReceiver(this.#upload, (head, bytes) => this.skipped(head, bytes));
  }

  start(): DonateOutput[] {
    const { mode, model, queue } = this.#options;
    const { capacity } = queue();
    return [this.#send({ type: 'hello', mode, role: 'server', local_lm_path: model, queue_capacity: capacity })];
  }

  parse(body: Uint8Array): JsonObject | undefined {
    return parseChunkFrame(body);
  }

  piece(piece: BodyPiece, now: number): DonateOutput[] | undefined {
    return this.#acceptsModels() ? this.#chunks.piece(piece, now) : undefined;
  }

  /** A job that is too long is refused. A `local_lm` node refuses an upload once, whatever its chunks look like. */
  skipped(head: JsonObject, _bytes: number): DonateOutput[] {
    const { type } = head;
    if (type === 'infer' || type === 'prompt') {
      const id = head['job_id'];
      return [this.#error(this.#refusalOf({ type, job_id: typeof id === 'string' ? id : '' }) ?? JOB_TOO_LONG)];
    }
    if (this.#acceptsModels()) {
      return type === 'model_begin' ? this.#upload.refuseBegin(MESSAGE_TOO_LONG) : [this.#error(MESSAGE_TOO_LONG)];
    }
    if (type === 'model_begin') this.#isUploadRefused = false;
    if (type === 'model_begin' || type === 'weights_chunk' || this.#isUploadRefused) return this.#refuseUpload();
    return [this.#error(MESSAGE_TOO_LONG)];
  }

  message(message: JsonObject, bytes: number, now: number): DonateOutput[] | undefined {
    checkVersion(message);
    switch (message['type']) {
      case 'hello':
        return [];
      case 'model_begin':
        this.#isUploadRefused = false;
        return this.#acceptsModels() ? this.#upload.begin(message, now) : this.#refuseUpload();
      case 'weights_chunk':
        return this.#acceptsModels() ? this.#upload.chunk(message, now) : this.#refuseUpload();
      case 'model_commit':
        return this.#acceptsModels() ? this.#upload.commit() : this.#refuseUpload();
      case 'infer':
        return this.#receiveJob(readInfer(message), bytes);
      case 'prompt':
        return this.#receiveJob(readPrompt(message), bytes);
      case 'queue_status':
        this.#sentQueue = this.#options.queue();
        return [this.#send({ type: 'queue_status', ...this.#sentQueue })];
      default:
        return undefined;
    }
  }

  unknown(type: string): ShoalError {
    return ShoalError.invalidRequest(unknownType(type));
  }

  fault(error: ShoalError): DonateOutput[] {
    return [this.#error(errorText(error))];
  }

  respond(id: number, event: InferenceEvent): DonateOutput[] {
    const open = this.#open.get(id);
    if (open === undefined) return [];
    switch (event.type) {
      case 'queued':
      // A Donate compute job never has these.
      case 'reasoning':
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
        return [this.#failure(open, errorText(event.error))];
      default:
        return event satisfies never;
    }
  }

  /** Ends the upload with this id: its model is mounted, or cannot be because of `error`. */
  endUpload(id: number, error?: ShoalError): DonateOutput[] {
    return this.#upload.ended(id, error);
  }

  /** Call when a job starts; `depth` is the number of waiting jobs. */
  started(id: number, depth: number): void {
    const open = this.#open.get(id);
    if (open !== undefined) open.depth = depth;
  }

  /** Sends `queue_status` to a peer that has asked for it once, if the queue has changed. */
  queueChanged(): DonateOutput[] {
    const [before, now] = [this.#sentQueue, this.#options.queue()];
    if (before === undefined || isSame(before, now)) return [];
    this.#sentQueue = now;
    return [this.#send({ type: 'queue_status', ...now })];
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

  #acceptsModels(): boolean {
    return this.#options.mode === 'model_push';
  }

  #refuseUpload(): DonateOutput[] {
    if (this.#isUploadRefused) return [];
    this.#isUploadRefused = true;
    return [this.#error(NOT_ENABLED)];
  }

  #receiveJob(job: InferMessage | PromptMessage, bytes: number): DonateOutput[] {
    const refusal = this.#refusalOf(job);
    if (refusal !== undefined) return [this.#error(refusal)];
    if (bytes > MAX_JOB_BYTES) return [this.#error(JOB_TOO_LONG)];
    const id = this.#nextId();
    this.#open.set(id, { job, newIds: [], text: '', depth: undefined });
    return [{ type: 'request', id, request: requestOf(job) }];
  }

  #refusalOf({ type, job_id: jobId }: Pick<InferMessage | PromptMessage, 'type' | 'job_id'>): string | undefined {
    if (type === 'infer' && !this.#acceptsModels()) return SEND_PROMPT;
    if (type === 'prompt' && this.#acceptsModels()) return SEND_INFER;
    if (type === 'infer' && !this.#upload.isCommitted) return NOT_MOUNTED;
    const isOpen = [...this.#open.values()].some(({ job }) => job.job_id === jobId);
    return isOpen ? `duplicate job_id: ${jobId}` : undefined;
  }

  #result({ job, depth }: OpenJob, answer: object): Output {
    const queueDepth = depth ?? this.#options.queue().depth;
    return this.#send({ type: `${job.type}_result`, job_id: job.job_id, ...answer, queue_depth: queueDepth });
  }

  /** A job that never started fails with an `error`, because a result would overtake those of earlier jobs. */
  #failure(open: OpenJob, text: string): Output {
    return open.depth === undefined ? this.#error(text) : this.#result(open, { ok: false, error: text });
  }

  #error(text: string): Output {
    return this.#send({ type: 'error', error: text });
  }

  #send(message: object): Output {
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

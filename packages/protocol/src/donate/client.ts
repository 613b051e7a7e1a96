import b4a from 'b4a';
import { ShoalError } from '../error.ts';
import type { InferenceEvent } from '../event.ts';
import type { JsonObject } from '../json.ts';
import { type InferenceRequest, promptOf } from '../request.ts';
import type { Output } from '../session.ts';
import type { MessageEncoder, ClientSessionSide } from '../side.ts';
import { readErrorText } from './errors.ts';
import {
  type HelloMessage,
  MAX_JOB_BYTES,
  MAX_RESULT_BYTES,
  readHello,
  readModelStatus,
  readResult,
  type ResultMessage,
  VERSION,
} from './messages.ts';

/** Jobs of a connection that may wait for the current one. */
export const MAX_WAITING_JOBS = 256;

/** Describes a model to push. */
export interface ModelOffer {
  /** JSON text. */
  readonly configuration: string;
  /** In bytes. */
  readonly length: number;
  /** Hex. */
  readonly sha256?: string | undefined;
}

interface Job {
  readonly id: number;
  readonly jobId: string;
  readonly type: 'infer' | 'prompt' | 'push';
  /** The ids of an `infer`, which its result repeats. */
  readonly inputIds: readonly number[];
  readonly frame: Uint8Array;
  /** The job was aborted here; its result is ignored. */
  isAborted: boolean;
}

/**
 * The client side. An `error` has no job id, so only one job is sent at a time and the others wait here: each reply belongs to
 * the current job.
 */
export class DonateClient implements ClientSessionSide {
  readonly #encode: MessageEncoder;
  readonly #waiting: Job[] = [];
  #current: Job | undefined;
  #hello: HelloMessage | undefined;
  #chunks = 0;

  constructor(encode: MessageEncoder) {
    this.#encode = encode;
  }

  /** The node's hello. Undefined until it arrives. */
  get hello(): HelloMessage | undefined {
    return this.#hello;
  }

  start(): Output[] {
    return [];
  }

  /** Sends token ids as `infer` and a user's message as `prompt`. Of the sampling options only `maxTokens` is sent. */
  ask(id: number, request: InferenceRequest): Output[] {
    const { input, sampling } = request;
    const jobId = `job-${id}`;
    const inputIds = input.type === 'tokens' ? input.tokens : [];
    const type = input.type === 'tokens' ? 'infer' : 'prompt';
    const content =
      type === 'infer'
        ? { input_ids: inputIds, max_tokens: sampling.maxTokens }
        : { prompt: promptOf(request, 'A Donate compute node in local_lm mode'), max_out: sampling.maxTokens };
    const { bytes: frame, size } = this.#encode({ v: VERSION, type, job_id: jobId, ...content });
    if (size > MAX_JOB_BYTES) {
      throw ShoalError.invalidRequest(`The job has more than ${MAX_JOB_BYTES} bytes, the limit of Donate compute.`);
    }
    return this.#begin({ id, jobId, type, inputIds, frame, isAborted: false });
  }

  /** Begins to push a model; its terminal event has the result. Throws `INVALID_REQUEST` if a job is running. */
  push(id: number, offer: ModelOffer): Output[] {
    if (this.#current !== undefined) throw ShoalError.invalidRequest('A job of this connection is still running.');
    const { bytes: frame } = this.#encode({
      v: VERSION,
      type: 'model_begin',
      config_json: offer.configuration,
      weights_len: offer.length,
      weights_sha256: offer.sha256,
    });
    this.#chunks = 0;
    return this.#begin({ id, jobId: '', type: 'push', inputIds: [], frame, isAborted: false });
  }

  /** Sends the next bytes of the model. Sends nothing once the node has refused it. */
  chunk(bytes: Uint8Array, last: boolean): Output[] {
    if (this.#current?.type !== 'push') return [];
    const index = this.#chunks;
    this.#chunks += 1;
    const data = b4a.toString(b4a.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), 'base64');
    return [this.#send({ type: 'weights_chunk', index, last, data_b64: data })];
  }

  commit(): Output[] {
    return this.#current?.type === 'push' ? [this.#send({ type: 'model_commit' })] : [];
  }

  message(message: JsonObject): Output[] | undefined {
    switch (message['type']) {
      case 'hello':
        return this.#receiveHello(readHello(message));
      case 'infer_result':
      case 'prompt_result':
        return this.#receiveResult(message['type'], readResult(message));
      case 'model_status': {
        const { ok, message: text } = readModelStatus(message);
        if (this.#current?.type !== 'push') return [];
        return ok ? this.#end([{ type: 'finish', reason: 'stop', rawReason: text ?? '' }]) : this.#fail(text);
      }
      case 'error': {
        const text = message['error'];
        return this.#fail(typeof text === 'string' ? text : undefined);
      }
      case 'queue_status':
        return [];
      default:
        return undefined;
    }
  }

  /** A result that is too long fails its job. */
  skipped(head: JsonObject): Output[] {
    const { type, job_id: jobId } = head;
    const isCurrent = this.#current !== undefined && (jobId === undefined || jobId === this.#current.jobId);
    const isResult = type === undefined || type === 'infer_result' || type === 'prompt_result';
    return isCurrent && isResult ? this.#fail(`the result has more than ${MAX_RESULT_BYTES} bytes`) : [];
  }

  fault(): Output[] {
    return [];
  }

  abort(id: number): Output[] {
    const job = [this.#current, ...this.#waiting].find((one) => one?.id === id);
    if (job === undefined || job.isAborted) return [];
    if (job === this.#current) job.isAborted = true;
    else this.#waiting.splice(this.#waiting.indexOf(job), 1);
    return [{ type: 'event', id, bytes: 0, event: { type: 'finish', reason: 'abort', rawReason: 'abort' } }];
  }

  consumed(): Output[] {
    return [];
  }

  tick(): Output[] {
    return [];
  }

  get wakeAt(): number {
    return Infinity;
  }

  end(): Output[] {
    const error = ShoalError.workerLost('The connection to the node has closed.');
    const jobs = [this.#current, ...this.#waiting.splice(0)].filter((job) => job !== undefined);
    this.#current = undefined;
    return jobs.flatMap((job) => eventsOf(job, [{ type: 'error', error }]));
  }

  #receiveHello(hello: HelloMessage): Output[] {
    if (this.#hello !== undefined) return [];
    this.#hello = hello;
    const { mode, local_lm_path: model } = hello;
    const models = model === undefined || model === '' ? [] : [{ id: model }];
    return [
      { type: 'peer', peer: { dialect: 'donate', name: '', models, lends: true } },
      this.#send({ type: 'hello', mode, role: 'client' }),
    ];
  }

  #begin(job: Job): Output[] {
    if (this.#current === undefined) {
      this.#current = job;
      return [{ type: 'send', bytes: job.frame }];
    }
    if (this.#waiting.length >= MAX_WAITING_JOBS) {
      throw new ShoalError('QUEUE_FULL', `${MAX_WAITING_JOBS} jobs of this connection are already waiting.`);
    }
    this.#waiting.push(job);
    return [];
  }

  /** A result that does not belong to the current job is ignored. */
  #receiveResult(type: 'infer_result' | 'prompt_result', result: ResultMessage): Output[] {
    const job = this.#current;
    if (job === undefined || `${job.type}_result` !== type || result.job_id !== job.jobId) return [];
    if (!result.ok) return this.#fail(result.error);
    const text = result.text ?? '';
    const tokens = job.type === 'infer' ? newIdsOf(job, result) : [];
    if (tokens === undefined) return this.#fail('the result does not begin with the ids that were sent');
    const texts: InferenceEvent[] = text === '' && tokens.length === 0 ? [] : [{ type: 'text', text, tokens }];
    return this.#end([...texts, { type: 'finish', reason: 'stop', rawReason: type }]);
  }

  #fail(text: string | undefined): Output[] {
    return this.#end([{ type: 'error', error: readErrorText(text) }]);
  }

  /** Ends the current job and sends the next. */
  #end(events: readonly InferenceEvent[]): Output[] {
    const job = this.#current;
    if (job === undefined) return [];
    this.#current = this.#waiting.shift();
    const next: Output[] = this.#current === undefined ? [] : [{ type: 'send', bytes: this.#current.frame }];
    return [...eventsOf(job, events), ...next];
  }

  #send(message: object): Output {
    return { type: 'send', bytes: this.#encode({ v: VERSION, ...message }).bytes };
  }
}

function eventsOf({ id, isAborted }: Job, events: readonly InferenceEvent[]): Output[] {
  return isAborted ? [] : events.map((event) => ({ type: 'event', id, event, bytes: 0 }));
}

/** Returns the ids after the input in the result of an `infer`; undefined if the result does not begin with the input. */
function newIdsOf({ inputIds }: Job, { output_ids: ids = [] }: ResultMessage): readonly number[] | undefined {
  return inputIds.every((id, index) => ids[index] === id) ? ids.slice(inputIds.length) : undefined;
}

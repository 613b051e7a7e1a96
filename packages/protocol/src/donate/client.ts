import b4a from 'b4a';
import { ShoalError } from '../error.ts';
import type { InferenceEvent } from '../event.ts';
import type { JsonObject } from '../json.ts';
import { type InferenceRequest, promptOf } from '../request.ts';
import type { Output } from '../session.ts';
import type { MessageEncoder, ClientSessionSide } from '../side.ts';
import { readErrorWords } from './errors.ts';
import {
  type HelloMessage,
  MAX_JOB_BYTES,
  readHello,
  readModelStatus,
  readResult,
  type ResultMessage,
  VERSION,
} from './messages.ts';

/** Jobs of ours that wait for the one before them. */
export const MAX_WAITING_JOBS = 256;

/** A model to push. */
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
  /** What was sent of an `infer`, which its answer repeats. */
  readonly inputIds: readonly number[];
  readonly frame: Uint8Array;
  /** Whoever asked has left; the answer that still comes is nobody's. */
  isForgotten: boolean;
}

/**
 * The asking end. An `error` does not say which job it belongs to, so one job at a time is under way, and the others wait
 * here: whatever comes is the answer to that one.
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

  /** What the node said of itself; undefined before it has. */
  get hello(): HelloMessage | undefined {
    return this.#hello;
  }

  start(): Output[] {
    return [];
  }

  /** Token ids are an `infer`, one message of a user is a `prompt`; of the sampling only the number of tokens is sent. */
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
      throw ShoalError.invalidRequest(`The job is too long: a Donate compute node takes ${MAX_JOB_BYTES} bytes.`);
    }
    return this.#begin({ id, jobId, type, inputIds, frame, isForgotten: false });
  }

  /** Begins to push a model; its terminal event says whether it is mounted. Only while nothing else is under way. */
  push(id: number, offer: ModelOffer): Output[] {
    if (this.#current !== undefined) throw ShoalError.invalidRequest('A job of this connection is still under way.');
    const { bytes: frame } = this.#encode({
      v: VERSION,
      type: 'model_begin',
      config_json: offer.configuration,
      weights_len: offer.length,
      weights_sha256: offer.sha256,
    });
    this.#chunks = 0;
    return this.#begin({ id, jobId: '', type: 'push', inputIds: [], frame, isForgotten: false });
  }

  /** The next bytes of the model that is being pushed; nothing is sent once the node has refused it. */
  chunk(bytes: Uint8Array, last: boolean): Output[] {
    if (this.#current?.type !== 'push') return [];
    const index = this.#chunks;
    this.#chunks += 1;
    const data = b4a.toString(b4a.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), 'base64');
    return [this.#say({ type: 'weights_chunk', index, last, data_b64: data })];
  }

  commit(): Output[] {
    return this.#current?.type === 'push' ? [this.#say({ type: 'model_commit' })] : [];
  }

  message(message: JsonObject): Output[] | undefined {
    switch (message['type']) {
      case 'hello':
        return this.#greet(readHello(message));
      case 'infer_result':
      case 'prompt_result':
        return this.#take(message['type'], readResult(message));
      case 'model_status': {
        const { ok, message: words } = readModelStatus(message);
        if (this.#current?.type !== 'push') return [];
        return ok ? this.#end([{ type: 'finish', reason: 'stop', rawReason: words ?? '' }]) : this.#fail(words);
      }
      case 'error': {
        const words = message['error'];
        return this.#fail(typeof words === 'string' ? words : undefined);
      }
      case 'queue_status':
        return [];
      default:
        return undefined;
    }
  }

  fault(): Output[] {
    return [];
  }

  abort(id: number): Output[] {
    const job = [this.#current, ...this.#waiting].find((one) => one?.id === id);
    if (job === undefined || job.isForgotten) return [];
    if (job === this.#current) job.isForgotten = true;
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
    const error = ShoalError.workerLost('The node is gone.');
    const jobs = [this.#current, ...this.#waiting.splice(0)].filter((job) => job !== undefined);
    this.#current = undefined;
    return jobs.flatMap((job) => eventsOf(job, [{ type: 'error', error }]));
  }

  #greet(hello: HelloMessage): Output[] {
    if (this.#hello !== undefined) return [];
    this.#hello = hello;
    const { mode, local_lm_path: model } = hello;
    const models = model === undefined || model === '' ? [] : [{ id: model }];
    return [
      { type: 'peer', peer: { dialect: 'donate', name: '', models, lends: true } },
      this.#say({ type: 'hello', mode, role: 'client' }),
    ];
  }

  #begin(job: Job): Output[] {
    if (this.#current === undefined) {
      this.#current = job;
      return [{ type: 'send', bytes: job.frame }];
    }
    if (this.#waiting.length >= MAX_WAITING_JOBS) {
      throw new ShoalError('QUEUE_FULL', `${MAX_WAITING_JOBS} jobs of this connection wait already.`);
    }
    this.#waiting.push(job);
    return [];
  }

  /** A result of another job than the one under way is nobody's. */
  #take(type: 'infer_result' | 'prompt_result', result: ResultMessage): Output[] {
    const job = this.#current;
    if (job === undefined || `${job.type}_result` !== type || result.job_id !== job.jobId) return [];
    if (!result.ok) return this.#fail(result.error);
    const text = result.text ?? '';
    const tokens = job.type === 'infer' ? newIdsOf(job, result) : [];
    if (tokens === undefined) return this.#fail('the result does not begin with the ids that were sent');
    const said: InferenceEvent[] = text === '' && tokens.length === 0 ? [] : [{ type: 'text', text, tokens }];
    return this.#end([...said, { type: 'finish', reason: 'stop', rawReason: type }]);
  }

  #fail(words: string | undefined): Output[] {
    return this.#end([{ type: 'error', error: readErrorWords(words) }]);
  }

  /** The job under way ends, and the next begins. */
  #end(events: readonly InferenceEvent[]): Output[] {
    const job = this.#current;
    if (job === undefined) return [];
    this.#current = this.#waiting.shift();
    const next: Output[] = this.#current === undefined ? [] : [{ type: 'send', bytes: this.#current.frame }];
    return [...eventsOf(job, events), ...next];
  }

  #say(message: object): Output {
    return { type: 'send', bytes: this.#encode({ v: VERSION, ...message }).bytes };
  }
}

function eventsOf({ id, isForgotten }: Job, events: readonly InferenceEvent[]): Output[] {
  return isForgotten ? [] : events.map((event) => ({ type: 'event', id, event, bytes: 0 }));
}

/** What stands behind the input in the answer to an `infer`; undefined where that does not begin with it. */
function newIdsOf({ inputIds }: Job, { output_ids: ids = [] }: ResultMessage): readonly number[] | undefined {
  return inputIds.every((id, index) => ids[index] === id) ? ids.slice(inputIds.length) : undefined;
}

import { ShoalError } from '../error.ts';
import type { FinishEvent, InferenceEvent } from '../event.ts';
import type { JsonObject } from '../json.ts';
import { type InferenceRequest, promptOf } from '../request.ts';
import type { Output, PeerInfo } from '../session.ts';
import type { MessageEncoder, ClientSessionSide } from '../side.ts';
import { readError } from './errors.ts';
import {
  type InferenceResult,
  MAX_PROMPT_BYTES,
  readAnsweredId,
  readErrorText,
  readReport,
  readResult,
  type WorkerReport,
} from './messages.ts';

/** A QMesh answer must arrive within this time if the request has no deadline. Then another worker is asked. */
export const ANSWER_TIMEOUT_MS = 60_000;

/** The time between status requests while an answer is open. */
export const HEARTBEAT_MS = 1_000;
/** Unanswered status requests in a row after which a worker is lost. The transport notices a killed process after 15 s. */
export const MISSED_HEARTBEATS_MAX = 5;

export interface QmeshClientOptions {
  /** 8 hex digits. A counter of 8 more completes a request id. */
  readonly idPrefix: string;
  /** Returns milliseconds since 1970. */
  readonly timestamp: () => number;
}

/** The end of an answer, with the measurements of the worker. */
export interface QmeshFinish extends FinishEvent {
  readonly result: InferenceResult;
}

export function isQmeshFinish(event: InferenceEvent): event is QmeshFinish {
  return event.type === 'finish' && 'result' in event;
}

interface OpenRequest {
  readonly requestId: string;
  readonly giveUpAt: number;
}

/** Reads the worker's health, sends prompts, and receives each answer in one message. */
export class QmeshClient implements ClientSessionSide {
  readonly #encode: MessageEncoder;
  readonly #options: QmeshClientOptions;
  readonly #open = new Map<number, OpenRequest>();
  #worker: WorkerReport | undefined;
  #lastRequest = 0;
  /** True if the worker has answered a status request. Others never do, so their silence is not a failure. */
  #answersStatus = false;
  #missedHeartbeats = 0;
  #heartbeatAt = Infinity;

  constructor(encode: MessageEncoder, options: QmeshClientOptions) {
    this.#encode = encode;
    this.#options = options;
  }

  /** The worker's last report. */
  get worker(): WorkerReport | undefined {
    return this.#worker;
  }

  /** Requests the status, because QMesh's own worker broadcasts it only on a timer. */
  start(): Output[] {
    return this.requestStatus();
  }

  requestStatus(): Output[] {
    return [{ type: 'send', bytes: this.#encode({ type: 'status_request', requestId: this.#nextRequestId() }).bytes }];
  }

  ask(id: number, request: InferenceRequest, now: number): Output[] {
    const prompt = promptOf(request, 'A QMesh worker');
    const requestId = this.#nextRequestId();
    const { maxTokens, temperature } = request.sampling;
    const timestamp = this.#options.timestamp();
    const { bytes, size } = this.#encode({
      type: 'prompt',
      requestId,
      prompt,
      options: { maxTokens, temperature },
      timestamp,
    });
    if (size > MAX_PROMPT_BYTES) {
      throw ShoalError.invalidRequest(`The prompt is too long: a QMesh worker takes ${MAX_PROMPT_BYTES} bytes.`);
    }
    if (this.#open.size === 0) {
      this.#heartbeatAt = now + HEARTBEAT_MS;
      this.#missedHeartbeats = 0;
    }
    this.#open.set(id, { requestId, giveUpAt: now + (request.deadlineMs ?? ANSWER_TIMEOUT_MS) });
    return [{ type: 'send', bytes }];
  }

  message(message: JsonObject, bytes: number): Output[] | undefined {
    this.#missedHeartbeats = 0;
    switch (message['type']) {
      case 'status':
        return this.#report(readReport(message));
      case 'status_response':
        this.#answersStatus = true;
        return this.#report(readReport(message));
      case 'inference_result':
        return this.#end(message, () => answerEvents(readResult(message)), bytes);
      case 'inference_error':
        return this.#end(message, () => [{ type: 'error', error: readError(readErrorText(message)) }], 0);
      default:
        return undefined;
    }
  }

  /** A client has no message for a worker's faults. */
  fault(): Output[] {
    return [];
  }

  abort(id: number): Output[] {
    if (!this.#open.delete(id)) return [];
    return [{ type: 'event', id, bytes: 0, event: { type: 'finish', reason: 'abort', rawReason: 'abort' } }];
  }

  consumed(): Output[] {
    return [];
  }

  tick(now: number): Output[] {
    const late = [...this.#open].filter(([, open]) => now >= open.giveUpAt).map(([id]) => id);
    const error = new ShoalError('TIMEOUT_NO_RESPONSE', 'The worker did not answer in time.');
    return [...late.flatMap((id) => this.#fail(id, error)), ...this.#heartbeat(now)];
  }

  get wakeAt(): number {
    const heartbeatAt = this.#isWatched ? this.#heartbeatAt : Infinity;
    return Math.min(heartbeatAt, ...[...this.#open.values()].map((open) => open.giveUpAt));
  }

  end(): Output[] {
    return this.#failAll('The connection to the worker was lost.');
  }

  get #isWatched(): boolean {
    return this.#answersStatus && this.#open.size > 0;
  }

  /** Counts heartbeats instead of time, so that a stall of this process leaves time to read what has arrived. */
  #heartbeat(now: number): Output[] {
    if (!this.#isWatched || now < this.#heartbeatAt) return [];
    if (this.#missedHeartbeats >= MISSED_HEARTBEATS_MAX) return this.#failAll('The worker does not respond.');
    this.#missedHeartbeats += 1;
    this.#heartbeatAt = now + HEARTBEAT_MS;
    return this.requestStatus();
  }

  #failAll(why: string): Output[] {
    return [...this.#open.keys()].flatMap((id) => this.#fail(id, ShoalError.workerLost(why)));
  }

  #nextRequestId(): string {
    this.#lastRequest += 1;
    return `${this.#options.idPrefix}${this.#lastRequest.toString(16).padStart(8, '0')}`;
  }

  #report(report: WorkerReport): Output[] {
    this.#worker = report;
    return [{ type: 'peer', peer: peerInfo(report) }];
  }

  #end(message: JsonObject, read: () => readonly InferenceEvent[], bytes: number): Output[] {
    const id = this.#find(readAnsweredId(message));
    if (id === undefined) return [];
    this.#open.delete(id);
    return readOrFail(read).map((event) => ({
      type: 'event',
      id,
      event,
      bytes: event.type === 'text' ? bytes : 0,
    }));
  }

  #fail(id: number, error: ShoalError): Output[] {
    this.#open.delete(id);
    return [{ type: 'event', id, bytes: 0, event: { type: 'error', error } }];
  }

  /** An error without an id belongs to the open request, if there is exactly one. */
  #find(requestId: string | undefined): number | undefined {
    if (requestId === undefined) return this.#open.size === 1 ? [...this.#open.keys()][0] : undefined;
    return [...this.#open].find(([, open]) => open.requestId === requestId)?.[0];
  }
}

/** An unreadable answer fails its request, because no other answer will come. */
function readOrFail(read: () => readonly InferenceEvent[]): readonly InferenceEvent[] {
  try {
    return read();
  } catch (cause) {
    return [{ type: 'error', error: ShoalError.generationFailed('The worker’s answer cannot be read.', cause) }];
  }
}

function answerEvents(result: InferenceResult): InferenceEvent[] {
  const finish: QmeshFinish = { type: 'finish', reason: 'stop', rawReason: 'inference_result', result };
  return [{ type: 'text', text: result.text, tokens: [] }, finish];
}

function peerInfo({ workerId, health }: WorkerReport): PeerInfo {
  const { score, queueSize, queueCapacity } = health;
  return {
    dialect: 'qmesh',
    name: workerId,
    models: [],
    lends: true,
    capacity: { slots: 1, queue: queueCapacity },
    status: { health: score, active: Math.min(1, queueSize), queued: Math.max(0, queueSize - 1), slots: 1 },
  };
}

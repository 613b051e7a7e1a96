import assert from 'node:assert/strict';
import type { InferenceEvent, ServerSession } from '../src/index.ts';
import type { ShoalError } from '../src/error.ts';
import { parseObject } from '../src/json.ts';
import {
  type DonateOutput,
  type DonateServer,
  donateServerSession,
  type Mode,
  type QueueStatus,
  type UploadEvent,
} from '../src/donate/index.ts';

const HEADER_BYTES = 4;

/** A server session that receives frames, and its outputs. */
export class Subject {
  readonly session: ServerSession<DonateServer, UploadEvent>;
  queue: QueueStatus = { depth: 0, capacity: 2, in_progress: false };

  constructor(mode: Mode) {
    this.session = donateServerSession({ mode, queue: () => this.queue });
    this.session.start(0);
  }

  receive(...messages: object[]): unknown[] {
    return this.receiveBytes(Buffer.concat(messages.map((message) => frame(JSON.stringify({ v: 1, ...message })))));
  }

  /** Sends a prompt that is accepted. Returns its id. */
  ask(jobId: string): number {
    const [output] = this.session.receive(
      frame(JSON.stringify({ v: 1, type: 'prompt', job_id: jobId, prompt: 'hi' })),
      0,
    );
    assert.ok(output?.type === 'request');
    return output.id;
  }

  receiveBytes(bytes: Uint8Array, now = 0): unknown[] {
    return this.summary(this.session.receive(bytes, now));
  }

  respond(id: number, event: InferenceEvent): unknown[] {
    return this.summary(this.session.respond(id, event, 0));
  }

  endUpload(id: number, error?: ShoalError): unknown[] {
    return this.summary(this.session.side.endUpload(id, error));
  }

  /** Lists sent messages without `v`, upload events by step, and other outputs by type. */
  summary(outputs: readonly DonateOutput[]): unknown[] {
    return outputs.map((output) => {
      if (output.type === 'extension') return output.event.step.type;
      if (output.type !== 'send') return output.type;
      const { v, ...message } = parseObject(output.bytes.subarray(HEADER_BYTES));
      assert.equal(v, 1);
      return message;
    });
  }
}

/** Returns the frame of a body. */
export function frame(body: string): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(Buffer.byteLength(body));
  return Buffer.concat([header, Buffer.from(body)]);
}

/** The message of an error with this text. */
export const error = (text: string) => ({ type: 'error', error: text });

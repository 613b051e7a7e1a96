import { type ErrorCode, ShoalError } from '../error.ts';
import type { InferenceEvent } from '../event.ts';
import { encodeObject, isObject, type JsonObject, parseObject } from '../json.ts';
import { type InferenceRequest, promptInput } from '../request.ts';
import type { Output } from '../session.ts';
import type { ClientSide, MessageEncoder, ServerSide } from '../side.ts';

export interface DialectSubject {
  readonly name: string;
  readonly client: (encode: MessageEncoder) => ClientSide;
  readonly server: (encode: MessageEncoder, nextId: () => number) => ServerSide<unknown>;
  /** Whether text arrives as it is made; otherwise it arrives whole. */
  readonly streams: boolean;
  /** Whether the worker is told that a request was taken back. */
  readonly carriesAbort: boolean;
  /** Whether it carries all of a request and of an answer; otherwise a prompt and its text, and little more. */
  readonly carriesAll: boolean;
  /** What a lost connection is called; absent: `WORKER_LOST`. */
  readonly lostCode?: ErrorCode | undefined;
}

const encode: MessageEncoder = (message) => {
  const bytes = encodeObject(message);
  return { bytes, size: bytes.length };
};

export const REQUEST: InferenceRequest = { input: promptInput('What is 2+2?'), sampling: {}, stop: [] };

interface Asked {
  readonly client: ClientSide;
  readonly server: ServerSide<unknown>;
  readonly requests: Extract<Output<unknown>, { type: 'request' }>[];
  /** The server says an event, and the client hears it. */
  readonly say: (event: InferenceEvent) => void;
  readonly deliver: (outputs: Output<unknown>[]) => void;
  readonly events: () => InferenceEvent[];
  readonly aborts: () => Output<unknown>[];
  /** Every message that went either way. */
  readonly sent: () => JsonObject[];
}

export function sides(subject: DialectSubject): { client: ClientSide; server: ServerSide<unknown> } {
  let last = 0;
  return { client: subject.client(encode), server: subject.server(encode, () => (last += 1)) };
}

/** A client that asked a server once, under id 1 on both sides. */
export function asked(subject: DialectSubject, request = REQUEST): Asked {
  const { client, server } = sides(subject);
  // Far enough apart that nothing is gathered for the sake of fewer messages.
  let now = 0;
  const outputs: Output<unknown>[] = [];
  const messages: JsonObject[] = [];
  const deliver = (produced: Output<unknown>[], hearer: ServerSide<unknown> | ClientSide = server): void => {
    outputs.push(...produced);
    for (const message of produced.flatMap(sentMessage)) {
      messages.push(message);
      const heard = hearer.message(message, encodeObject(message).length, 0) ?? [];
      deliver(heard, hearer === server ? client : server);
    }
  };
  deliver(client.ask(1, request, 0));
  return {
    client,
    server,
    requests: outputs.filter(isRequest),
    deliver,
    say: (event) => deliver(server.respond(1, event, (now += 1_000)), client),
    events: () => outputs.flatMap((output) => (output.type === 'event' ? [output.event] : [])),
    aborts: () => outputs.filter(({ type }) => type === 'abort'),
    sent: () => messages,
  };
}

export function isRequest(output: Output<unknown>): output is Extract<Output<unknown>, { type: 'request' }> {
  return output.type === 'request';
}

export function sentMessage(output: Output<unknown>): JsonObject[] {
  return output.type === 'send' ? [parseObject(output.bytes)] : [];
}

export function terminals(events: readonly InferenceEvent[]): string[] {
  return events.map(({ type }) => type).filter((type) => type === 'finish' || type === 'error');
}

/** The message with each of its fields, one at a time, of each wrong type. */
export function spoilt(message: JsonObject): JsonObject[] {
  const wrong: unknown[] = [null, true, -1.5, '', 'x', [], [1, 'a', null], {}, { __proto__: null, a: 1 }];
  return Object.keys(message)
    .filter((key) => key !== 'type')
    .flatMap((key) => wrong.map((value) => ({ ...message, [key]: value })));
}

/** True where the call returns, or throws a `ShoalError`; the error itself otherwise. */
export function faultOf(call: () => unknown): unknown {
  try {
    const outputs = call();
    return outputs === undefined || Array.isArray(outputs) || isObject(outputs);
  } catch (thrown) {
    return thrown instanceof ShoalError ? true : thrown;
  }
}

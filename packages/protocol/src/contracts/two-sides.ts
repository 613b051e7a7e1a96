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
  /** True if text arrives while it is generated. False if it arrives complete. */
  readonly streams: boolean;
  /** True if a cancelled request reaches the worker. */
  readonly carriesAbort: boolean;
  /** True if the dialect carries every kind of request and answer. False if it carries only prompts and texts. */
  readonly carriesAll: boolean;
  /** The error code for a lost connection. Default: `WORKER_LOST`. */
  readonly lostCode?: ErrorCode | undefined;
}

const encode: MessageEncoder = (message) => {
  const bytes = encodeObject(message);
  return { bytes, size: bytes.length };
};

export const REQUEST: InferenceRequest = { input: promptInput('What is 2+2?'), sampling: {}, stop: [] };

interface RequestInProgress {
  readonly client: ClientSide;
  readonly server: ServerSide<unknown>;
  readonly requests: Extract<Output<unknown>, { type: 'request' }>[];
  /** Sends an event from the server to the client. */
  readonly respond: (event: InferenceEvent) => void;
  readonly deliver: (outputs: Output<unknown>[]) => void;
  readonly events: () => InferenceEvent[];
  readonly aborts: () => Output<unknown>[];
  /** Every message in both directions. */
  readonly sent: () => JsonObject[];
}

export function sides(subject: DialectSubject): { client: ClientSide; server: ServerSide<unknown> } {
  let last = 0;
  return { client: subject.client(encode), server: subject.server(encode, () => (last += 1)) };
}

/** Returns a client and a server with one open request, which has id 1 on both sides. */
export function openRequest(subject: DialectSubject, request = REQUEST): RequestInProgress {
  const { client, server } = sides(subject);
  // Events are far enough apart that no dialect combines them into one message.
  let now = 0;
  const outputs: Output<unknown>[] = [];
  const messages: JsonObject[] = [];
  const deliver = (produced: Output<unknown>[], receiver: ServerSide<unknown> | ClientSide = server): void => {
    outputs.push(...produced);
    for (const message of produced.flatMap(sentMessage)) {
      messages.push(message);
      const replies = receiver.message(message, encodeObject(message).length, 0) ?? [];
      deliver(replies, receiver === server ? client : server);
    }
  };
  deliver(client.ask(1, request, 0));
  return {
    client,
    server,
    requests: outputs.filter(isRequest),
    deliver,
    respond: (event) => deliver(server.respond(1, event, (now += 1_000)), client),
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

/** Returns copies of a message, each with one field of a wrong type. */
export function withWrongTypes(message: JsonObject): JsonObject[] {
  const wrong: unknown[] = [null, true, -1.5, '', 'x', [], [1, 'a', null], {}, { __proto__: null, a: 1 }];
  return Object.keys(message)
    .filter((key) => key !== 'type')
    .flatMap((key) => wrong.map((value) => ({ ...message, [key]: value })));
}

/** Returns true if a call returns outputs or throws a `ShoalError`, and any other error that it throws. */
export function isHandled(call: () => unknown): unknown {
  try {
    const outputs = call();
    return outputs === undefined || Array.isArray(outputs) || isObject(outputs);
  } catch (thrown) {
    return thrown instanceof ShoalError ? true : thrown;
  }
}

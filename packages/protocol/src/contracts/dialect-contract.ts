import { type ErrorCode, ShoalError } from '../error.ts';
import type { InferenceEvent } from '../event.ts';
import { encodeObject, isObject, type JsonObject, parseObject } from '../json.ts';
import { promptInput } from '../request.ts';
import type { Output } from '../session.ts';
import type { ClientSide, MessageEncoder, ServerSide } from '../side.ts';
import type { Harness } from './harness.ts';

export interface DialectSubject {
  readonly name: string;
  readonly client: (encode: MessageEncoder) => ClientSide;
  readonly server: (encode: MessageEncoder, nextId: () => number) => ServerSide;
  /** Whether text arrives as it is made; otherwise it arrives whole. */
  readonly streams: boolean;
  /** Whether the worker is told that a request was taken back. */
  readonly carriesAbort: boolean;
  /** What a lost connection is called; absent: `WORKER_LOST`. */
  readonly lostCode?: ErrorCode;
}

const encode: MessageEncoder = (message) => {
  const bytes = encodeObject(message);
  return { bytes, size: bytes.length };
};

const FINISH: InferenceEvent = {
  type: 'finish',
  reason: 'stop',
  rawReason: 'eos',
  usage: { promptTokens: 3, completionTokens: 2 },
};
const REQUEST = { input: promptInput('What is 2+2?'), sampling: {}, stop: [] };

/** What the two sides of every dialect owe each other. */
export function dialectContract({ test, equal }: Harness, subject: DialectSubject): void {
  const { name } = subject;

  test(`${name}: a request arrives as it was asked`, () => {
    const { requests } = asked(subject);
    equal(requests.length, 1);
    equal(requests[0]?.request.input, REQUEST.input);
  });

  test(`${name}: an answer arrives whole and in order, with one terminal event`, () => {
    const { say, events } = asked(subject);
    say({ type: 'queued', position: 1 });
    for (const text of ['4', ' 🐟', '"\n']) say({ type: 'text', text, tokens: [7] });
    if (subject.streams) equal(textOf(events()), '4 🐟"\n');
    say(FINISH);
    equal(textOf(events()), '4 🐟"\n');
    equal(terminals(events()), ['finish']);
  });

  test(`${name}: a failure arrives as an error and never as text`, () => {
    const { say, events } = asked(subject);
    say({ type: 'text', text: 'four', tokens: [] });
    say({ type: 'error', error: ShoalError.generationFailed('The engine died.') });
    equal(terminals(events()), ['error']);
    const last = events().at(-1);
    equal(last?.type === 'error' && [last.error.code, last.error.message], ['GENERATION_FAILED', 'The engine died.']);
  });

  test(`${name}: after the terminal event nothing more is said`, () => {
    const { say, events } = asked(subject);
    say(FINISH);
    const before = events().length;
    say({ type: 'text', text: 'more', tokens: [] });
    say(FINISH);
    equal(events().length, before);
  });

  test(`${name}: an abort ends the answer at once`, () => {
    const { client, deliver, events, aborts } = asked(subject);
    deliver(client.abort(1));
    equal(terminals(events()), ['finish']);
    equal(client.abort(1), []);
    equal(aborts().length, subject.carriesAbort ? 1 : 0);
  });

  test(`${name}: a lost connection ends every request on both sides`, () => {
    const { client, server, deliver, events, aborts } = asked(subject);
    deliver(client.end());
    deliver(server.end());
    const last = events().at(-1);
    equal(last?.type === 'error' && last.error.code, subject.lostCode ?? 'WORKER_LOST');
    equal(aborts().length, 1);
    equal([client.end(), server.end()], [[], []]);
  });

  test(`${name}: a request sent twice under one id runs once`, () => {
    const { client, server } = sides(subject);
    const [request] = client.ask(1, REQUEST, 0).flatMap(sentMessage);
    equal(request !== undefined && server.message(request, 0, 0)?.filter(isRequest).length, 1);
    equal(request !== undefined && server.message(request, 0, 0)?.filter(isRequest).length, 0);
  });

  test(`${name}: a message of another type belongs to neither side`, () => {
    const { client, server } = sides(subject);
    equal(
      [client.message({ type: 'nonsense' }, 0, 0), server.message({ type: 'nonsense' }, 0, 0)],
      [undefined, undefined],
    );
    equal([client.message({}, 0, 0), server.message({}, 0, 0)], [undefined, undefined]);
  });

  test(`${name}: a wrong type in any field is a fault of that message and nothing else`, () => {
    const { client, server, say, sent } = asked(subject);
    say({ type: 'text', text: '4', tokens: [7] });
    say(FINISH);
    const messages = [...client.ask(2, REQUEST, 0).flatMap(sentMessage), ...sent()];
    for (const message of messages.flatMap(spoilt)) {
      for (const side of [client, server])
        equal(
          faultOf(() => side.message(message, 0, 0)),
          true,
        );
    }
  });
}

interface Asked {
  readonly client: ClientSide;
  readonly server: ServerSide;
  readonly requests: Extract<Output, { type: 'request' }>[];
  /** The server says an event, and the client hears it. */
  readonly say: (event: InferenceEvent) => void;
  readonly deliver: (outputs: Output[]) => void;
  readonly events: () => InferenceEvent[];
  readonly aborts: () => Output[];
  /** Every message that went either way. */
  readonly sent: () => JsonObject[];
}

function sides(subject: DialectSubject): { client: ClientSide; server: ServerSide } {
  let last = 0;
  return { client: subject.client(encode), server: subject.server(encode, () => (last += 1)) };
}

/** A client that asked a server once, under id 1 on both sides. */
function asked(subject: DialectSubject): Asked {
  const { client, server } = sides(subject);
  // Far enough apart that nothing is gathered for the sake of fewer messages.
  let now = 0;
  const outputs: Output[] = [];
  const messages: JsonObject[] = [];
  const deliver = (produced: Output[], hearer: ServerSide | ClientSide = server): void => {
    outputs.push(...produced);
    for (const message of produced.flatMap(sentMessage)) {
      messages.push(message);
      const heard = hearer.message(message, encodeObject(message).length, 0) ?? [];
      deliver(heard, hearer === server ? client : server);
    }
  };
  deliver(client.ask(1, REQUEST, 0));
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

function isRequest(output: Output): output is Extract<Output, { type: 'request' }> {
  return output.type === 'request';
}

function sentMessage(output: Output): JsonObject[] {
  return output.type === 'send' ? [parseObject(output.bytes)] : [];
}

function textOf(events: readonly InferenceEvent[]): string {
  return events.map((event) => (event.type === 'text' ? event.text : '')).join('');
}

function terminals(events: readonly InferenceEvent[]): string[] {
  return events.map(({ type }) => type).filter((type) => type === 'finish' || type === 'error');
}

/** The message with each of its fields, one at a time, of each wrong type. */
function spoilt(message: JsonObject): JsonObject[] {
  const wrong: unknown[] = [null, true, -1.5, '', 'x', [], [1, 'a', null], {}, { __proto__: null, a: 1 }];
  return Object.keys(message)
    .filter((key) => key !== 'type')
    .flatMap((key) => wrong.map((value) => ({ ...message, [key]: value })));
}

/** True where the call returns, or throws a `ShoalError`; the error itself otherwise. */
function faultOf(call: () => unknown): unknown {
  try {
    const outputs = call();
    return outputs === undefined || Array.isArray(outputs) || isObject(outputs);
  } catch (thrown) {
    return thrown instanceof ShoalError ? true : thrown;
  }
}

import { ShoalError } from '../error.ts';
import type { InferenceEvent } from '../event.ts';
import type { Harness } from './harness.ts';
import {
  openRequest,
  type DialectSubject,
  isHandled,
  isRequest,
  REQUEST,
  sentMessage,
  sides,
  withWrongTypes,
  terminals,
} from './two-sides.ts';
import { wholeRequestCases } from './whole-request.ts';

const FINISH: InferenceEvent = {
  type: 'finish',
  reason: 'stop',
  rawReason: 'eos',
  usage: { promptTokens: 3, completionTokens: 2 },
};

/** The cases that the two sides of every dialect must pass. */
export function dialectContract(harness: Harness, subject: DialectSubject): void {
  const { test, equal } = harness;
  const { name } = subject;

  test(`${name}: a request arrives unchanged`, () => {
    const { requests } = openRequest(subject);
    equal(requests.length, 1);
    equal(requests[0]?.request.input, REQUEST.input);
  });

  test(`${name}: an answer arrives complete and in order, with one terminal event`, () => {
    const { respond, events } = openRequest(subject);
    respond({ type: 'queued', position: 1 });
    for (const text of ['4', ' 🐟', '"\n']) respond({ type: 'text', text, tokens: [7] });
    if (subject.streams) equal(textOf(events()), '4 🐟"\n');
    respond(FINISH);
    equal(textOf(events()), '4 🐟"\n');
    equal(terminals(events()), ['finish']);
  });

  test(`${name}: a failure arrives as an error and never as text`, () => {
    const { respond, events } = openRequest(subject);
    respond({ type: 'text', text: 'four', tokens: [] });
    respond({ type: 'error', error: ShoalError.generationFailed('The engine died.') });
    equal(terminals(events()), ['error']);
    const last = events().at(-1);
    equal(last?.type === 'error' && [last.error.code, last.error.message], ['GENERATION_FAILED', 'The engine died.']);
  });

  test(`${name}: nothing is sent after the terminal event`, () => {
    const { respond, events } = openRequest(subject);
    respond(FINISH);
    const before = events().length;
    respond({ type: 'text', text: 'more', tokens: [] });
    respond(FINISH);
    equal(events().length, before);
  });

  test(`${name}: an abort ends the answer at once`, () => {
    const { client, deliver, events, aborts } = openRequest(subject);
    deliver(client.abort(1));
    equal(terminals(events()), ['finish']);
    equal(client.abort(1), []);
    equal(aborts().length, subject.carriesAbort ? 1 : 0);
  });

  test(`${name}: a lost connection ends every request on both sides`, () => {
    const { client, server, deliver, events, aborts } = openRequest(subject);
    deliver(client.end());
    deliver(server.end());
    const last = events().at(-1);
    equal(last?.type === 'error' && last.error.code, subject.lostCode ?? 'WORKER_LOST');
    equal(aborts().length, 1);
    equal([client.end(), server.end()], [[], []]);
  });

  test(`${name}: a request that is sent twice with one id runs once`, () => {
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

  test(`${name}: a wrong type in any field fails only that message`, () => {
    const { client, server, respond, sent } = openRequest(subject);
    respond({ type: 'text', text: '4', tokens: [7] });
    respond(FINISH);
    const messages = [...client.ask(2, REQUEST, 0).flatMap(sentMessage), ...sent()];
    for (const message of messages.flatMap(withWrongTypes)) {
      for (const side of [client, server])
        equal(
          isHandled(() => side.message(message, 0, 0)),
          true,
        );
    }
  });

  wholeRequestCases(harness, subject);
}

function textOf(events: readonly InferenceEvent[]): string {
  return events.map((event) => (event.type === 'text' ? event.text : '')).join('');
}

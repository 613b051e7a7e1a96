import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { ERROR_CODES, ShoalError } from '../error.ts';
import type { InferenceEvent } from '../event.ts';
import { type JsonObject, parseObject } from '../json.ts';
import { MAX_BAD_MESSAGES_IN_A_ROW } from '../message-session.ts';
import { promptInput } from '../request.ts';
import type { Output } from '../session.ts';
import { MAX_UNREAD_BYTES } from './client.ts';
import { errorMessage } from './errors.ts';
import { MAX_ID_LENGTH, MAX_LINE_BYTES, MAX_PROMPT_BYTES, type ServerInfo } from './messages.ts';
import { CHUNK_INTERVAL_MS } from './server.ts';
import { localLlmClientSession, localLlmServerSession } from './session.ts';

const INFO: ServerInfo = { hostName: 'Dan’s MacBook', model: 'llama3.2', status: 'ready' };
const FINISH: InferenceEvent = { type: 'finish', reason: 'stop', rawReason: 'eos' };
const text = (words: string): InferenceEvent => ({ type: 'text', text: words, tokens: [] });
const chatStart = (id: string, prompt: unknown): object => ({
  type: 'chat_start',
  request_id: id,
  payload: { prompt },
});

function sent(outputs: readonly Output[]): JsonObject[] {
  return outputs.flatMap((output) => (output.type === 'send' ? [parseObject(output.bytes)] : []));
}

function events(outputs: readonly Output[]): InferenceEvent[] {
  return outputs.flatMap((output) => (output.type === 'event' ? [output.event] : []));
}

/** The codes of all errors: of events, of closed connections and of sent messages. */
function codes(outputs: readonly Output[]): unknown[] {
  return outputs.flatMap((output) => {
    if (output.type === 'event' && output.event.type === 'error') return [output.event.error.code];
    if (output.type === 'close') return [output.error?.code];
    return sent([output]).flatMap(({ payload }) => (payload as JsonObject | undefined)?.['code'] ?? []);
  });
}

const types = (outputs: readonly Output[]): string[] => outputs.map(({ type }) => type);
const lines = (...messages: readonly object[]): Buffer =>
  Buffer.from(messages.map((message) => `${JSON.stringify(message)}\n`).join(''));

suite('a LocalLLM host', () => {
  /** Returns a session that has sent its `server_info`. */
  function host(onClientError?: (error: ShoalError) => void) {
    const session = localLlmServerSession({ greet: () => INFO, ...(onClientError && { onClientError }) });
    session.start(0);
    return session;
  }

  test('greets once, with its name, model and status', () => {
    const session = localLlmServerSession({ greet: () => INFO });
    assert.deepEqual(sent(session.start(0)), [
      { type: 'server_info', payload: { host_name: 'Dan’s MacBook', model: 'llama3.2', status: 'ready' } },
    ]);
    assert.equal(session.wakeAt, Infinity);
  });

  test('refuses a client with the error and closes the connection', () => {
    const full = new ShoalError('CONNECT_FAILED', 'Max clients reached');
    const outputs = localLlmServerSession({
      greet: () => {
        throw full;
      },
    }).start(0);
    assert.deepEqual(sent(outputs), [
      { type: 'error', payload: { code: 'CONNECT_FAILED', message: 'Max clients reached' } },
    ]);
    assert.deepEqual(types(outputs), ['send', 'close']);
  });

  test('accepts a prompt of 8,192 bytes, and answers a longer one with BAD_MESSAGE and its id', () => {
    const session = host();
    const fish = '🐟'.repeat(MAX_PROMPT_BYTES / 4);
    const [asked] = session.receive(lines(chatStart('a', fish)), 0);
    assert.deepEqual(asked?.type === 'request' && asked.request.input, promptInput(fish));
    for (const prompt of [`${fish}x`, '']) {
      const [answer, ...others] = sent(session.receive(lines(chatStart('b', prompt)), 0));
      assert.deepEqual([answer?.['type'], answer?.['request_id'], others], ['error', 'b', []]);
      assert.equal((answer?.['payload'] as JsonObject | undefined)?.['code'], 'BAD_MESSAGE');
    }
  });

  test('answers a bad message with BAD_MESSAGE, with its id if it has one, and keeps the connection', () => {
    const session = host();
    const bad: [object | string, string | undefined][] = [
      ['{"type":', undefined],
      [{}, undefined],
      [{ type: 'nonsense', request_id: 'n' }, 'n'],
      [{ type: 'chat_start', payload: { prompt: 'Hi' } }, undefined],
      [chatStart('c', 7), 'c'],
      [{ type: 'chat_start', request_id: 'd' }, 'd'],
      [{ type: 'abort' }, undefined],
      [{ type: 'abort', request_id: 5 }, undefined],
      [{ type: 'chat_start', request_id: 'e', payload: [] }, 'e'],
      [chatStart('x'.repeat(MAX_ID_LENGTH + 1), 'Hi'), undefined],
      [{ type: 'abort', request_id: 'x'.repeat(MAX_ID_LENGTH + 1) }, undefined],
    ];
    for (const [message, id] of bad) {
      const line = typeof message === 'string' ? Buffer.from(`${message}\n`) : lines(message);
      const outputs = session.receive(line, 0);
      assert.deepEqual([types(outputs), codes(outputs)], [['send'], ['BAD_MESSAGE']], JSON.stringify(message));
      assert.equal(sent(outputs)[0]?.['request_id'], id);
    }
    assert.deepEqual(types(session.receive(lines(chatStart('f', 'Hi')), 0)), ['request']);
  });

  test('answers another version with UNSUPPORTED_VERSION', () => {
    const outputs = host().receive(lines({ ...chatStart('a', 'Hi'), version: 2 }), 0);
    assert.deepEqual(codes(outputs), ['UNSUPPORTED_VERSION']);
    assert.deepEqual(types(host().receive(lines({ ...chatStart('a', 'Hi'), version: 1 }), 0)), ['request']);
  });

  test('ends the connection at the sixteenth bad line in a row, and at a line over 64 KiB', () => {
    const session = host();
    const bad = Buffer.from('{]\n'.repeat(MAX_BAD_MESSAGES_IN_A_ROW - 1));
    assert.ok(types(session.receive(bad, 0)).every((type) => type === 'send'));
    session.receive(lines({ type: 'server_info' }), 0);
    assert.ok(types(session.receive(bad, 0)).every((type) => type === 'send'));
    assert.deepEqual(types(session.receive(Buffer.from('{]\n'), 0)), ['send', 'close']);

    const outputs = host().receive(Buffer.from(`{"type":"${'x'.repeat(MAX_LINE_BYTES)}`), 0);
    assert.deepEqual(
      [types(outputs), codes(outputs)],
      [
        ['send', 'close'],
        ['BAD_MESSAGE', 'BAD_MESSAGE'],
      ],
    );
  });

  test('ignores messages of a host, and does not answer errors', () => {
    const errors: string[] = [];
    const session = host(({ code, message }) => errors.push(`${code} ${message}`));
    const silly = ['server_info', 'chat_chunk', 'chat_end'].map((type) => ({ type, payload: 'x', version: 9 }));
    assert.deepEqual(session.receive(lines(...silly), 0), []);
    const outputs = session.receive(
      lines(
        { type: 'error', payload: { code: 'BAD_MESSAGE', message: 'What?' } },
        { type: 'error', request_id: 5, payload: 'x' },
        { type: 'error', payload: { code: 'TEAPOT', message: 'Short and stout.' } },
      ),
      0,
    );
    assert.deepEqual(outputs, []);
    assert.deepEqual(errors, [
      'BAD_MESSAGE What?',
      'GENERATION_FAILED The other side failed without a reason.',
      'GENERATION_FAILED TEAPOT: Short and stout.',
    ]);
  });

  test('answers an abort with chat_end, and ignores an abort of an unknown id', () => {
    const session = host();
    session.receive(lines(chatStart('a', 'Hi')), 0);
    session.respond(1, text('He'), 0);
    session.respond(1, text('llo'), 1);
    const outputs = session.receive(lines({ type: 'abort', request_id: 'a' }), 2);
    assert.deepEqual(types(outputs), ['abort', 'send']);
    assert.deepEqual(sent(outputs), [{ type: 'chat_end', request_id: 'a', payload: { finish_reason: 'abort' } }]);
    assert.deepEqual(session.receive(lines({ type: 'abort', request_id: 'a' }), 2), []);
    assert.deepEqual(session.respond(1, text('more'), 3), []);
  });

  test('sends the first text at once, and then one chunk per 10 ms', () => {
    const session = host();
    session.receive(lines(chatStart('a', 'Hi')), 0);
    assert.equal(sent(session.respond(1, text('a'), 5)).length, 1);
    assert.deepEqual(session.respond(1, text('b'), 6), []);
    assert.deepEqual(session.respond(1, text('c'), 7), []);
    assert.equal(session.wakeAt, 5 + CHUNK_INTERVAL_MS);
    const chunks = sent(session.tick(session.wakeAt)).map(({ payload }) => payload);
    assert.deepEqual(chunks, [{ text: 'bc' }]);
  });

  test('splits long output into messages of at most 16 KiB, 10 ms apart, slows the engine and loses nothing', () => {
    const session = host();
    session.receive(lines(chatStart('\u0001'.repeat(MAX_ID_LENGTH), 'Hi')), 0);
    // Characters with the longest JSON escapes, as in the id, and surrogate pairs, which must not be split.
    const longText = '\u0001'.repeat(8_191) + '🐟'.repeat(4_096);
    let now = 0;
    const [first] = session.respond(1, text(longText.slice(0, 8_191)), now);
    assert.ok(first?.type === 'send' && first.bytes.length <= 16 * 1024);
    const messages = sent([first]);
    assert.ok(session.credit(1) <= 0);
    messages.push(...sent(session.respond(1, text(longText.slice(8_191)), now)));
    messages.push(...sent(session.respond(1, { type: 'finish', reason: 'length', rawReason: 'maxTokens' }, now)));
    while (session.wakeAt < Infinity) {
      assert.ok(session.wakeAt - now <= CHUNK_INTERVAL_MS);
      now = session.wakeAt;
      const outputs = session.tick(now);
      for (const output of outputs) if (output.type === 'send') assert.ok(output.bytes.length <= 16 * 1024);
      messages.push(...sent(outputs));
    }
    const end = messages.pop();
    assert.deepEqual(end?.['payload'], { finish_reason: 'stop', truncated: true });
    const texts = messages.map(({ payload }) => String((payload as JsonObject)['text']));
    assert.ok(texts.every((piece) => piece.isWellFormed()));
    assert.equal(texts.join(''), longText);
  });

  test('all output of an engine arrives, and never faster than one chunk per 10 ms', () => {
    const pieces = fc.record({ words: fc.string({ unit: 'grapheme', maxLength: 3_000 }), waits: fc.nat(25) });
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 20 }), (output) => {
        const session = host();
        session.receive(lines(chatStart('a', 'Hi')), 0);
        const messages: { readonly at: number; readonly message: JsonObject }[] = [];
        let now = 0;
        const hear = (outputs: Output[]): void => {
          messages.push(...sent(outputs).map((message) => ({ at: now, message })));
        };
        const tickUntil = (time: number): void => {
          while (session.wakeAt <= time && session.wakeAt < Infinity) {
            now = session.wakeAt;
            hear(session.tick(now));
          }
        };
        let time = 0;
        for (const { words, waits } of output) {
          tickUntil((time += waits));
          now = time;
          hear(session.respond(1, text(words), now));
        }
        hear(session.respond(1, FINISH, now));
        tickUntil(Infinity);
        const end = messages.pop();
        assert.equal(end?.message['type'], 'chat_end');
        const texts = messages.map(({ message }) => String((message['payload'] as JsonObject)['text']));
        assert.equal(texts.join(''), output.map(({ words }) => words).join(''));
        const last = messages.length - 1;
        for (const [index, { at }] of messages.entries()) {
          const before = messages[index - 1]?.at ?? -Infinity;
          // The last one may follow sooner, together with the end.
          assert.ok(at - before >= CHUNK_INTERVAL_MS || index === last);
        }
      }),
    );
  });

  test('sends the text before a failure, and then one error', () => {
    const session = host();
    session.receive(lines(chatStart('a', 'Hi')), 0);
    session.respond(1, text('a'), 0);
    session.respond(1, text('b'), 1);
    const outputs = sent(session.respond(1, { type: 'error', error: ShoalError.generationFailed('No luck.') }, 2));
    assert.deepEqual(
      outputs.map(({ type }) => type),
      ['chat_chunk', 'error'],
    );
    assert.deepEqual(session.respond(1, FINISH, 3), []);
  });

  test('ends an answer with TIMEOUT_NO_RESPONSE if the model outputs nothing for 30 s', () => {
    const session = host();
    session.receive(lines(chatStart('a', 'Hi')), 0);
    session.respond(1, text('a'), 20_000);
    assert.deepEqual(session.tick(49_999), []);
    const outputs = session.tick(session.wakeAt);
    assert.deepEqual([types(outputs), codes(outputs)], [['abort', 'send'], ['TIMEOUT_NO_RESPONSE']]);
    assert.equal(session.wakeAt, Infinity);
  });

  test('has a wire code for every error code, and keeps LocalLLM’s own codes', () => {
    for (const code of ERROR_CODES) {
      const { payload } = errorMessage(new ShoalError(code, 'Why.')) as { payload: { code: string; message: string } };
      assert.ok(ERROR_CODES.indexOf(payload.code as never) < 12, code);
      if (ERROR_CODES.indexOf(code) < 12) assert.equal(payload.code, code);
      assert.equal(payload.message, 'Why.');
    }
  });
});

suite('a LocalLLM client', () => {
  const info = { type: 'server_info', payload: { host_name: 'Dan’s MacBook', model: 'llama3.2', status: 'busy' } };
  const request = (prompt: string) => ({ input: promptInput(prompt), sampling: {}, stop: [] });
  const reply = (type: string, payload: unknown, more: object = {}): object => ({
    type,
    request_id: 'req-1',
    payload,
    ...more,
  });

  /** Returns a session with `server_info` and one open request. */
  function client() {
    const session = localLlmClientSession();
    session.start(0);
    session.receive(lines(info), 0);
    session.ask(1, request('Hi'), 0);
    return session;
  }

  test('reads the host’s server_info', () => {
    const session = localLlmClientSession();
    session.start(0);
    assert.deepEqual(types(session.receive(lines(info), 0)), ['peer']);
    assert.deepEqual(session.side.info, { hostName: 'Dan’s MacBook', model: 'llama3.2', status: 'busy' });
    assert.equal(session.wakeAt, Infinity);
  });

  test('fails with TIMEOUT_NO_RESPONSE without server_info for 15 s', () => {
    const session = localLlmClientSession();
    session.start(100);
    assert.equal(session.wakeAt, 15_100);
    assert.deepEqual(codes(session.tick(15_100)), ['TIMEOUT_NO_RESPONSE']);
  });

  test('is refused by an error before server_info', () => {
    const session = localLlmClientSession();
    session.start(0);
    const full = { type: 'error', payload: { code: 'CONNECT_FAILED', message: 'Max clients reached' } };
    assert.deepEqual(codes(session.receive(lines(full), 0)), ['CONNECT_FAILED']);
  });

  test('accepts only version 1', () => {
    const session = localLlmClientSession();
    session.start(0);
    assert.deepEqual(codes(session.receive(lines({ ...info, version: 2 }), 0)), ['UNSUPPORTED_VERSION']);
    const asked = client().receive(lines(reply('chat_chunk', { text: 'x' }, { version: '1' })), 0);
    assert.deepEqual(codes(asked), ['UNSUPPORTED_VERSION']);
  });

  test('reads an answer to its end, and a truncated one as cut by a limit', () => {
    const ends: [object, string][] = [
      [{ finish_reason: 'stop' }, 'stop'],
      [{ finish_reason: 'stop', truncated: true }, 'length'],
    ];
    for (const [payload, reason] of ends) {
      const outputs = client().receive(lines(reply('chat_chunk', { text: '4 🐟' }), reply('chat_end', payload)), 1);
      const [first, end, ...others] = events(outputs);
      assert.deepEqual([first, others], [{ type: 'text', text: '4 🐟', tokens: [] }, []]);
      assert.equal(end?.type === 'finish' && end.reason, reason);
    }
  });

  test('ends an unreadable answer with an error', () => {
    const bad: [object, string][] = [
      [reply('chat_end', { finish_reason: 'error' }), 'GENERATION_FAILED'],
      [reply('chat_end', { finish_reason: 'tired' }), 'BAD_MESSAGE'],
      // The client has not aborted it.
      [reply('chat_end', { finish_reason: 'abort' }), 'GENERATION_ABORTED'],
      [reply('chat_end', {}), 'BAD_MESSAGE'],
      [reply('chat_chunk', { text: 5 }), 'BAD_MESSAGE'],
      [reply('error', { code: 'MODEL_BUSY', message: 'Host is processing another request' }), 'MODEL_BUSY'],
      [reply('error', { code: 'TEAPOT' }), 'GENERATION_FAILED'],
      [{ type: 'error', payload: { code: 'BAD_MESSAGE', message: 'What?' } }, 'BAD_MESSAGE'],
    ];
    for (const [message, code] of bad) {
      const session = client();
      assert.deepEqual(codes(session.receive(lines(message), 1)), [code], JSON.stringify(message));
      assert.deepEqual(events(session.receive(lines(reply('chat_end', { finish_reason: 'stop' })), 2)), []);
    }
  });

  test('fails with TIMEOUT_NO_RESPONSE after 30 s without a chunk, and sends an abort', () => {
    const session = client();
    session.receive(lines(reply('chat_chunk', { text: 'a' })), 10_000);
    assert.deepEqual(session.tick(39_999), []);
    const outputs = session.tick(40_000);
    assert.deepEqual([types(outputs), codes(outputs)], [['send', 'event'], ['TIMEOUT_NO_RESPONSE']]);
    assert.deepEqual(sent(outputs), [{ type: 'abort', request_id: 'req-1' }]);
  });

  test('refuses requests that a host would reject', () => {
    const session = client();
    for (const prompt of ['', 'x'.repeat(MAX_PROMPT_BYTES + 1)]) {
      assert.throws(() => session.ask(2, request(prompt), 0), { code: 'INVALID_REQUEST' });
    }
    const conversation = { ...request('Hi'), input: { type: 'tokens', tokens: [1] } } as const;
    assert.throws(() => session.ask(2, conversation, 0), { code: 'INVALID_REQUEST' });
  });

  test('fails an answer with too many unread bytes', () => {
    const session = client();
    const chunk = lines(reply('chat_chunk', { text: 'x'.repeat(MAX_UNREAD_BYTES / 4) }));
    for (let read = 0; read < 8; read += 1) {
      assert.deepEqual(types(session.receive(chunk, 0)), ['event']);
      session.consumed(1, chunk.length - 1);
    }
    const outputs = [1, 2, 3, 4].flatMap(() => session.receive(chunk, 0));
    assert.deepEqual(types(outputs), ['event', 'event', 'event', 'send', 'event']);
    assert.deepEqual(codes(outputs), ['GENERATION_ABORTED']);
  });
});

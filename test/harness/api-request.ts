import assert from 'node:assert/strict';
import { type IncomingHttpHeaders, request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { isObject, type JsonObject } from '@shoal/protocol/json';

/** The APIs of a node's port, by the form of their errors. */
export type ErrorForm = 'openai' | 'anthropic' | 'ollama' | 'shoal';

export interface ApiAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface ApiRequest {
  readonly port: number;
  readonly path: string;
  /** Default: POST. */
  readonly method?: string | undefined;
  /** Added to `Content-Type: application/json`. An undefined header is not sent. */
  readonly headers?: Readonly<Record<string, string | undefined>> | undefined;
  readonly body?: string | Uint8Array | undefined;
}

/** Sends a request that may be wrong in any way. Rejects if the connection ends without an answer. */
export async function send({ port, path, method = 'POST', headers = {}, body = '' }: ApiRequest): Promise<ApiAnswer> {
  const own = { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) };
  const all = Object.entries({ ...own, ...headers }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  const answered = Promise.withResolvers<ApiAnswer>();
  const sent = request({ host: '127.0.0.1', port, path, method, headers: Object.fromEntries(all) }, (response) => {
    const { statusCode: status = 0, headers: received } = response;
    buffer(response).then(
      (bytes) => answered.resolve({ status, headers: received, text: bytes.toString() }),
      answered.reject,
    );
  });
  sent.once('error', answered.reject);
  sent.end(body);
  return answered.promise;
}

/** Checks that an answer is an error in the form of its API. */
export function checkErrorForm(form: ErrorForm, { headers, text }: ApiAnswer): void {
  const body = parseObject(text);
  switch (form) {
    case 'openai': {
      const error = onlyIn(body, 'error');
      assert.ok(isObject(error));
      assert.deepEqual(Object.keys(error).toSorted(), ['code', 'message', 'param', 'type']);
      checkTexts(error['message'], error['type']);
      break;
    }
    case 'anthropic': {
      const { type, error, request_id: id, ...rest } = body;
      assert.ok(isObject(error));
      assert.deepEqual([type, id, rest], ['error', headers['request-id'], {}]);
      assert.deepEqual(Object.keys(error).toSorted(), ['message', 'type']);
      checkTexts(error['message'], error['type'], id);
      break;
    }
    case 'ollama':
      checkTexts(onlyIn(body, 'error'));
      break;
    case 'shoal': {
      const error = onlyIn(body, 'error');
      assert.ok(isObject(error));
      checkTexts(error['code'], error['message']);
      break;
    }
    default:
      form satisfies never;
  }
}

/** Checks that an answer tells nothing about the files and the code of its machine. `folders` are paths on it. */
export function checkTellsNothing({ headers, text }: ApiAnswer, folders: readonly string[]): void {
  const whole = JSON.stringify(headers) + text;
  for (const folder of folders) assert.ok(!whole.includes(folder), `The answer has a path: ${whole}`);
  assert.doesNotMatch(whole, /\bat .{1,200}:\d+:\d+|node:internal|node_modules|\.ts\b|file:\/\//);
}

function onlyIn(body: JsonObject, key: string): unknown {
  assert.deepEqual(Object.keys(body), [key]);
  return body[key];
}

function checkTexts(...values: readonly unknown[]): void {
  for (const value of values) assert.ok(typeof value === 'string' && value !== '', `${String(value)} is no text`);
}

function parseObject(text: string): JsonObject {
  const value: unknown = JSON.parse(text);
  assert.ok(isObject(value), text);
  return value;
}

import { checkConsistency, Fields, MAX_EMBED_TEXTS, readMessages, readOptions, readSampling } from '@shoal/protocol';
import type { InferenceRequest, Input } from '@shoal/protocol/request';
import { isObject } from '@shoal/protocol/json';
import { ShoalError } from '@shoal/protocol/error';
import type { PromptRequest } from '../api.ts';

/**
 * Reads the body of a prompt request: the JSON form of `PromptRequest`, read by the same functions as a request on the
 * wire. Throws `INVALID_REQUEST` that names the first wrong or unknown field.
 */
export function parsePromptRequest(body: unknown): PromptRequest {
  if (!isObject(body)) throw ShoalError.invalidRequest('The body must be a JSON object.');
  const fields = new Fields(body, 'body', { isStrict: true, fault: (message) => ShoalError.invalidRequest(message) });
  const cluster = fields.string('cluster');
  const request = readRequest(fields.required('request', fields.object('request')));
  fields.end();
  return { request, ...(cluster === undefined ? {} : { cluster }) };
}

function readRequest(fields: Fields): InferenceRequest {
  const request = {
    input: readInput(fields.required('input', fields.object('input'))),
    sampling: readSampling(fields.required('sampling', fields.object('sampling'))),
    ...readOptions(fields, 'json'),
  };
  if (fields.string('model') === '') throw fields.mustBe('model', 'a string that is not empty');
  if (!fields.has('stop') || request.stop.includes('')) throw fields.mustBe('stop', 'a list of texts');
  checkConsistency(request, fields);
  return request;
}

function readInput(fields: Fields): Input {
  const type = fields.required('type', fields.string('type'));
  switch (type) {
    case 'messages':
      return { type, messages: fields.required('messages', readMessages(fields)) };
    case 'text':
      return { type, text: fields.required('text', fields.string('text')) };
    case 'tokens':
      return { type, tokens: fields.required('tokens', fields.tokens('tokens')) };
    case 'embeddings':
      return { type, texts: fields.required('texts', fields.strings('texts', MAX_EMBED_TEXTS)) };
    default:
      throw fields.mustBe('type', 'one of messages, text, tokens, embeddings');
  }
}

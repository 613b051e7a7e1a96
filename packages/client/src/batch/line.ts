import { BodyFields } from '@shoal/formats/body-fields';
import { type ChatRequest, readRequest } from '@shoal/formats/openai';
import { ShoalError } from '@shoal/protocol/error';
import type { GenerateInput } from '../shoal.ts';

/** The longest `custom_id`, in UTF-16 units. */
const CUSTOM_ID_LENGTH_MAX = 512;
const ENDPOINT = '/v1/chat/completions';

/** The request of one line. */
export type BatchInput = Omit<GenerateInput, 'prompt' | 'text' | 'tokens' | 'signal' | 'cluster' | 'asksEverybody'>;

/** A line of a batch file: a request, or the error of an invalid line. */
export type BatchLine = BatchRequest | InvalidBatchLine;

export interface BatchRequest {
  /** The line's number in the file, from 1. */
  readonly line: number;
  readonly customId: string;
  readonly input: BatchInput;
}

export interface InvalidBatchLine {
  readonly line: number;
  /** Undefined if the line has no valid one. */
  readonly customId?: string | undefined;
  readonly error: ShoalError;
}

/**
 * Reads a line of OpenAI's batch file format (platform.openai.com/docs/api-reference/batch/request-input). A field that is not
 * supported and might change the answer is an error.
 */
export function parseBatchLine(text: string, line: number): BatchLine {
  let customId: string | undefined;
  try {
    const fields = new BodyFields(parseJson(text), '', 'The line');
    customId = fields.required('custom_id', fields.string('custom_id', 1, CUSTOM_ID_LENGTH_MAX));
    return { line, customId, input: readInput(fields) };
  } catch (thrown) {
    if (!(thrown instanceof ShoalError)) throw thrown;
    return { line, error: thrown, ...(customId === undefined ? {} : { customId }) };
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ShoalError('INVALID_REQUEST', 'The line is not valid JSON.', { cause: error });
  }
}

function readInput(fields: BodyFields): BatchInput {
  const method = fields.string('method');
  if (method !== undefined && method !== 'POST') throw ShoalError.invalidRequest('"method" must be "POST".');
  const url = fields.required('url', fields.string('url'));
  if (url !== ENDPOINT) throw ShoalError.invalidRequest(`"url" must be "${ENDPOINT}".`);
  const body = fields.required('body', fields.object('body'));
  fields.end();
  body.only('stream', [false]);
  return toInput(readRequest(body));
}

function toInput({ input, sampling, stop, ...options }: ChatRequest): BatchInput {
  return { messages: input.messages, ...options, ...sampling, ...(stop.length > 0 && { stop }) };
}

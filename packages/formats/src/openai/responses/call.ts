import type { InferenceRequest } from '@shoal/protocol/request';
import type { JsonObject } from '@shoal/protocol/json';
import { ShoalError } from '@shoal/protocol/error';
import type { CompletedAnswer } from '../../answer.ts';
import { BodyFields } from '../../body-fields.ts';
import type { AnswerContext, AnswerWriter, Call } from '../../call.ts';
import { idsOf, outputOf } from './items.ts';
import { readRequest, type ResponsesRequest } from './request.ts';
import { endOf, type ResponseObject, writeResponse } from './response.ts';
import { itemsUpTo, previousResponseId, type StoredResponse } from './stored.ts';
import { ResponseWriter } from './stream.ts';

/** A call of `POST responses`. It has one answer. */
export interface ResponsesCall extends Call {
  /** True if the answer is to be stored, which is the default. */
  readonly stores: boolean;
  /** Returns what is stored of an answer, streamed or not. The ids are those of the written answer. */
  stored(answer: CompletedAnswer, context: AnswerContext): StoredResponse;
}

/**
 * Reads the body of a call. `previous` is the stored response with the id that `previousResponseId` returns. Throws
 * `INVALID_REQUEST` that names the field, also if that response is missing.
 */
export function readResponses(body: JsonObject, previous: StoredResponse | undefined): ResponsesCall {
  const earlier = itemsUpTo(previousResponseId(body), previous);
  return new ReadCall(readRequest(new BodyFields(body, '', 'The body'), earlier), earlier);
}

class ReadCall implements ResponsesCall {
  readonly models: readonly string[];
  readonly request: InferenceRequest;
  readonly count = 1;
  readonly streams: boolean;
  readonly stores: boolean;
  readonly #read: ResponsesRequest;
  readonly #earlier: StoredResponse['input'];

  constructor(read: ResponsesRequest, earlier: StoredResponse['input']) {
    this.models = read.models;
    this.request = read.request;
    this.streams = read.streams;
    this.stores = read.stores;
    this.#read = read;
    this.#earlier = earlier;
  }

  write([answer]: readonly CompletedAnswer[], context: AnswerContext): object {
    if (answer === undefined) throw ShoalError.generationFailed('The model gave no answer. Send the request again.');
    return this.#write(answer, context);
  }

  stream(context: AnswerContext): AnswerWriter {
    return new ResponseWriter(this.#read.settings, context);
  }

  stored(answer: CompletedAnswer, context: AnswerContext): StoredResponse {
    const ids = idsOf(context.id);
    const input = this.#read.input.map((item, index) => ({ ...item, id: item.id ?? ids.input(index) }));
    return { id: ids.response, response: this.#write(answer, context), input: [...this.#earlier, ...input] };
  }

  #write(answer: CompletedAnswer, context: AnswerContext): ResponseObject {
    const { finishReason, usage } = answer;
    const output = outputOf(answer, context.id);
    return writeResponse(this.#read.settings, context, { status: endOf(finishReason), output, usage });
  }
}

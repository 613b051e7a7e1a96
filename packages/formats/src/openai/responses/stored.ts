import type { JsonObject } from '@shoal/protocol/json';
import { ShoalError } from '@shoal/protocol/error';
import { BodyFields } from '../../body-fields.ts';
import type { InputItem, OutputItem } from './items.ts';
import type { ResponseObject } from './response.ts';

/** Items on one page. */
const DEFAULT_PAGE_ITEMS = 20;
const MAX_PAGE_ITEMS = 100;
const ORDERS: readonly unknown[] = ['asc', 'desc'];

/** A response that another call may continue, as plain JSON. */
export interface StoredResponse {
  readonly id: string;
  readonly response: ResponseObject;
  /** The items of the conversation before the output, those of earlier responses included. Every one has an id. */
  readonly input: readonly (InputItem | OutputItem)[];
}

/** Returns the id of the response that a call continues. Undefined if it continues none. */
export function previousResponseId(body: JsonObject): string | undefined {
  return new BodyFields(body, '', 'The body').string('previous_response_id', 1);
}

/** Returns the items of the conversation up to the end of a response. Throws unless it is the one that the call continues. */
export function itemsUpTo(id: string | undefined, previous: StoredResponse | undefined): StoredResponse['input'] {
  if (id === undefined) return [];
  if (previous?.id === id) return [...previous.input, ...previous.response.output];
  throw ShoalError.invalidRequest(
    '"previous_response_id" names a response that is not stored here. Send the whole conversation as "input".',
  );
}

/** The body of `GET responses/{id}`. */
export function writeStored({ response }: StoredResponse): object {
  return response;
}

/** The body of `DELETE responses/{id}`. */
export function writeDeleted(id: string): object {
  return { id, object: 'response', deleted: true };
}

/**
 * The body of `GET responses/{id}/input_items`
 * (https://platform.openai.com/docs/api-reference/responses/input-items). `query` has the texts `order`, `after` and
 * `limit`. The latest items come first, unless `order` is `asc`.
 */
export function writeInputItems({ input }: StoredResponse, query: JsonObject): object {
  const { order = 'desc', after, limit = String(DEFAULT_PAGE_ITEMS) } = query;
  if (!ORDERS.includes(order)) throw ShoalError.invalidRequest('"order" must be asc or desc.');
  const count = Number(limit);
  if (!Number.isInteger(count) || count < 1 || count > MAX_PAGE_ITEMS) {
    throw ShoalError.invalidRequest(`"limit" must be a whole number from 1 to ${MAX_PAGE_ITEMS}.`);
  }
  const items = order === 'asc' ? input : input.toReversed();
  const start = after === undefined ? 0 : items.findIndex(({ id }) => id === after) + 1;
  if (after !== undefined && start === 0) throw ShoalError.invalidRequest('"after" must be the id of an input item.');
  const data = items.slice(start, start + count);
  return {
    object: 'list',
    data,
    first_id: data.at(0)?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: start + count < items.length,
  };
}

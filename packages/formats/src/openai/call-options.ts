import type { BodyFields } from '../body-fields.ts';
import type { Call } from '../call.ts';
import { readModels } from '../model-names.ts';

/** Answers of one call (`n`). Each is a request of its own. A call for more is refused. */
const MAX_CHOICES = 16;

/** The options of a call that are not part of the request to the model. */
export interface CallOptions extends Pick<Call, 'models' | 'count' | 'streams'> {
  /** A stream ends with the usage. */
  readonly includesUsage: boolean;
}

export function readCallOptions(body: BodyFields): CallOptions {
  return {
    models: readModels(body),
    count: body.integer('n', 1, MAX_CHOICES) ?? 1,
    streams: body.boolean('stream') ?? false,
    includesUsage: body.object('stream_options')?.boolean('include_usage') ?? false,
  };
}

/** Fields of other servers for a fixed format of the answer. It would be wrong to ignore them. */
const OTHER_FORMATS = [
  'grammar',
  'guided_choice',
  'guided_grammar',
  'guided_json',
  'guided_regex',
  'json_schema',
  'structured_outputs',
];

/** Throws for a field that would change the answer and is not supported. `allowed` has the values that change nothing. */
export function refuseUnsupported(body: BodyFields, allowed: Readonly<Record<string, readonly unknown[]>>): void {
  for (const name of OTHER_FORMATS) body.only(name, []);
  for (const [name, values] of Object.entries(allowed)) body.only(name, values);
}

import type { BodyFields } from '../body-fields.ts';
import type { Call } from '../call.ts';
import { ShoalError } from '@shoal/protocol/error';

/** Names in `models`. */
const MAX_MODELS = 16;
/** UTF-16 units of a model's name. Chunks repeat it. */
const MAX_MODEL_NAME_LENGTH = 512;
/** Answers of one call. Each is a request of its own. */
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

/** `model`, then the names of the list `models`, an extension of OpenRouter and others. */
export function readModels(body: BodyFields): readonly string[] {
  const model = body.string('model', 1, MAX_MODEL_NAME_LENGTH);
  const others = body.read('models') ?? [];
  if (!Array.isArray(others) || others.length > MAX_MODELS || !others.every(isModelName)) {
    throw ShoalError.invalidRequest(
      `"models" must be a list of at most ${MAX_MODELS} names of 1 to ${MAX_MODEL_NAME_LENGTH} characters.`,
    );
  }
  return [...new Set(model === undefined ? others : [model, ...others])];
}

function isModelName(name: unknown): name is string {
  return typeof name === 'string' && name.length > 0 && name.length <= MAX_MODEL_NAME_LENGTH;
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

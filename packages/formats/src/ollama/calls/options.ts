import {
  MAX_STOP_STRINGS,
  MAX_TOKENS,
  pickSampling,
  type Sampling,
  SAMPLING,
  type SamplingNumber,
} from '@shoal/protocol';
import type { InferenceRequest } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import type { BodyFields } from '../../body-fields.ts';

/** Ollama's options that change nothing here, with their types. Ollama ignores every name that it does not know. */
const WITHOUT_EFFECT: Readonly<Record<string, 'number' | 'boolean'>> = {
  num_keep: 'number',
  repeat_last_n: 'number',
  typical_p: 'number',
  num_batch: 'number',
  num_gpu: 'number',
  main_gpu: 'number',
  num_thread: 'number',
  use_mmap: 'boolean',
};
/** Ollama raises a shorter context to this. */
const LEAST_CONTEXT_TOKENS = 4;
/** Ollama's seed for random answers. */
const RANDOM_SEED = -1;

type Options = Pick<InferenceRequest, 'sampling' | 'stop' | 'contextLength'>;

/** Reads `options`. Throws `INVALID_REQUEST` for a value of the wrong type, or one that no engine can take. */
export function readOptions(body: BodyFields): Options {
  const options = body.object('options');
  if (options === undefined) return { sampling: {}, stop: [] };
  for (const [name, type] of Object.entries(WITHOUT_EFFECT)) checkType(options, name, type);
  const contextLength = readNumber(options, 'num_ctx');
  return {
    sampling: readSampling(options),
    stop: readStop(options),
    ...(contextLength !== undefined && {
      contextLength: Math.min(Math.max(Math.trunc(contextLength), LEAST_CONTEXT_TOKENS), MAX_TOKENS),
    }),
  };
}

function readSampling(options: BodyFields): Sampling {
  const values = Object.entries(SAMPLING).map(([name, field]) => [
    name,
    // Ollama has no biases.
    field.kind === 'biases' ? undefined : readSamplingNumber(options, name, field),
  ]);
  return pickSampling(Object.fromEntries(values));
}

function readSamplingNumber(options: BodyFields, name: string, field: SamplingNumber): number | undefined {
  const { kind, least, most, wireName } = field;
  const option = name === 'maxTokens' ? 'num_predict' : wireName;
  const given = readNumber(options, option);
  if (given === undefined) return undefined;
  const value = meaningOf(option, kind === 'whole' ? Math.trunc(given) : given);
  if (value === undefined || (value >= least && value <= most)) return value;
  throw ShoalError.invalidRequest(`"${options.name(option)}" must be a number from ${least} to ${most}.`);
}

/** Replaces values outside of the range as Ollama does. Undefined: as if the option were left out. */
function meaningOf(option: string, value: number): number | undefined {
  switch (option) {
    case 'num_predict':
      return value <= 0 ? undefined : Math.min(value, MAX_TOKENS);
    case 'temperature':
    case 'top_k':
      return Math.max(value, 0);
    case 'top_p':
    case 'min_p':
      return Math.min(Math.max(value, 0), 1);
    case 'seed':
      return value === RANDOM_SEED ? undefined : Math.abs(value);
    default:
      return value;
  }
}

function readStop(options: BodyFields): readonly string[] {
  const value = options.read('stop') ?? [];
  if (Array.isArray(value) && value.length <= MAX_STOP_STRINGS && value.every((text) => typeof text === 'string')) {
    return value.filter((text) => text !== '');
  }
  throw ShoalError.invalidRequest(`"${options.name('stop')}" must be a list of at most ${MAX_STOP_STRINGS} texts.`);
}

function readNumber(options: BodyFields, name: string): number | undefined {
  const value = options.read(name);
  if (value === undefined || typeof value === 'number') return value;
  throw ShoalError.invalidRequest(`"${options.name(name)}" must be a number.`);
}

function checkType(options: BodyFields, name: string, type: 'number' | 'boolean'): void {
  if (type === 'number') readNumber(options, name);
  else options.boolean(name);
}

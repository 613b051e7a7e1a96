import type { Fields } from './fields.ts';

/** The largest count of tokens, and the largest token id. */
export const MAX_TOKENS = 0x7fff_ffff;
const MAX_TEMPERATURE = 10;
/** Larger integers are not exact as JSON numbers. */
const MAX_SEED = Number.MAX_SAFE_INTEGER;
/** Logits are divided by the penalty. */
const LEAST_REPEAT_PENALTY = 0.01;
const MAX_REPEAT_PENALTY = 10;
/** The largest absolute value of a presence or frequency penalty. */
const MAX_PENALTY = 10;
/** Tokens of one request whose logits are changed. */
export const MAX_LOGIT_BIASES = 1024;
/** The largest absolute value of a bias. It forbids a token, or makes it the only one. */
export const MAX_LOGIT_BIAS = 100;

/** The rules for a sampling field that is a number. */
export interface SamplingNumber {
  /** The name on the wire of `shoal/1`. */
  readonly wireName: string;
  readonly kind: 'whole' | 'number';
  readonly least: number;
  readonly most: number;
  /** Shown to users. */
  readonly about: string;
}

interface SamplingBiases {
  readonly wireName: string;
  readonly kind: 'biases';
  readonly about: string;
}

/**
 * The sampling fields of a request. The wire format, the local API, the SDK, batch files and the CLI derive from this
 * table. A field that is absent has the engine's default.
 */
export const SAMPLING = {
  maxTokens: {
    wireName: 'max_tokens',
    kind: 'whole',
    least: 1,
    most: MAX_TOKENS,
    about: 'the longest answer in tokens',
  },
  temperature: {
    wireName: 'temperature',
    kind: 'number',
    least: 0,
    most: MAX_TEMPERATURE,
    about: '0 always gives the likeliest token',
  },
  topP: {
    wireName: 'top_p',
    kind: 'number',
    least: 0,
    most: 1,
    about: 'sample from the likeliest tokens that have this probability together',
  },
  topK: {
    wireName: 'top_k',
    kind: 'whole',
    least: 0,
    most: MAX_TOKENS,
    about: 'sample from this many of the likeliest tokens; 0 for all',
  },
  minP: {
    wireName: 'min_p',
    kind: 'number',
    least: 0,
    most: 1,
    about: 'sample from tokens with this share of the likeliest token’s probability',
  },
  repeatPenalty: {
    wireName: 'repeat_penalty',
    kind: 'number',
    least: LEAST_REPEAT_PENALTY,
    most: MAX_REPEAT_PENALTY,
    about: 'divides the logits of recent tokens; 1 does nothing',
  },
  presencePenalty: {
    wireName: 'presence_penalty',
    kind: 'number',
    least: -MAX_PENALTY,
    most: MAX_PENALTY,
    about: 'subtracted once from the logit of each recent token',
  },
  frequencyPenalty: {
    wireName: 'frequency_penalty',
    kind: 'number',
    least: -MAX_PENALTY,
    most: MAX_PENALTY,
    about: 'subtracted from the logit of a recent token for each time it occurred',
  },
  logitBias: {
    wireName: 'logit_bias',
    kind: 'biases',
    about: 'token ids and the numbers that are added to their logits',
  },
  seed: {
    wireName: 'seed',
    kind: 'whole',
    least: 0,
    most: MAX_SEED,
    about: 'the same seed gives the same answer',
  },
} as const satisfies Readonly<Record<string, SamplingNumber | SamplingBiases>>;

type SamplingTable = typeof SAMPLING;
export type TokenBias = readonly [token: number, bias: number];
type SamplingValue<Field> = Field extends SamplingNumber ? number : readonly TokenBias[];

/** The options for sampling the next token. `SAMPLING` describes them. */
export type Sampling = { readonly [Name in keyof SamplingTable]?: SamplingValue<SamplingTable[Name]> | undefined };

const SAMPLING_NAMES = Object.keys(SAMPLING).filter((name): name is keyof SamplingTable => name in SAMPLING);

/** Returns the sampling fields of a larger object, without those that are undefined. */
export function pickSampling(source: Sampling): Sampling {
  const names = SAMPLING_NAMES.filter((name) => source[name] !== undefined);
  return Object.fromEntries(names.map((name) => [name, source[name]]));
}

/** Reads the sampling fields of a JSON object. */
export function readSampling(fields: Fields): Sampling {
  return pickSampling(Object.fromEntries(SAMPLING_NAMES.map((name) => [name, readValue(fields, name)])));
}

/** Returns the sampling fields under their names on the wire, without an empty list. */
export function samplingMessage(sampling: Sampling): object {
  const names = SAMPLING_NAMES.filter((name) => name !== 'logitBias' || sampling.logitBias?.length !== 0);
  return Object.fromEntries(names.map((name) => [SAMPLING[name].wireName, sampling[name]]));
}

function readValue(fields: Fields, name: keyof SamplingTable): unknown {
  const field: SamplingNumber | SamplingBiases = SAMPLING[name];
  switch (field.kind) {
    case 'whole':
      return fields.integer(name, field.least, field.most);
    case 'number':
      return fields.number(name, field.least, field.most);
    case 'biases':
      return readBiases(fields, name);
    default:
      return field satisfies never;
  }
}

/** Returns undefined for an empty list. */
function readBiases(fields: Fields, name: string): readonly TokenBias[] | undefined {
  const value = fields.value(name);
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || value.length > MAX_LOGIT_BIASES || !value.every(isBias)) {
    throw fields.mustBe(
      name,
      `at most ${MAX_LOGIT_BIASES} pairs of a token id and a number from ${-MAX_LOGIT_BIAS} to ${MAX_LOGIT_BIAS}`,
    );
  }
  return value.length === 0 ? undefined : value;
}

function isBias(value: unknown): value is [number, number] {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [token, bias]: unknown[] = value;
  if (typeof token !== 'number' || typeof bias !== 'number') return false;
  return Number.isInteger(token) && token >= 0 && token <= MAX_TOKENS && Math.abs(bias) <= MAX_LOGIT_BIAS;
}

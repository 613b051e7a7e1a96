import { type Sampling, ShoalError } from '@shoal/protocol';
import {
  LEAST_REPEAT_PENALTY,
  MAX_PENALTY,
  MAX_REPEAT_PENALTY,
  MAX_SEED,
  MAX_STOP_STRINGS,
  MAX_TEMPERATURE,
  MAX_TOKENS,
} from '@shoal/protocol/shoal';
import { didYouMean } from './nearest.ts';

/** Of one stop string, in UTF-16 units. */
const STOP_LENGTH_MAX = 1_024;
const CONTEXT_TOKENS_MAX = 16_777_216;

interface NumberRule {
  readonly about: string;
  readonly min: number;
  readonly max: number;
  readonly isWhole?: true | undefined;
  /** A value that means: as if it were not set. */
  readonly none?: number | undefined;
}

/** By the names that Ollama's users know. */
const NUMBERS = {
  num_predict: {
    about: 'the longest answer in tokens; -1 for no limit',
    min: 1,
    max: MAX_TOKENS,
    isWhole: true,
    none: -1,
  },
  num_ctx: { about: 'tokens of context; loads the model again', min: 1, max: CONTEXT_TOKENS_MAX, isWhole: true },
  temperature: { about: '0 takes the likeliest token each time', min: 0, max: MAX_TEMPERATURE },
  top_k: { about: 'choose among so many of the likeliest; 0 for all', min: 0, max: MAX_TOKENS, isWhole: true },
  top_p: { about: 'choose among the likeliest of this probability together', min: 0, max: 1 },
  min_p: { about: 'choose among those of this share of the likeliest’s probability', min: 0, max: 1 },
  seed: {
    about: 'the same seed gives the same answer; -1 for another each time',
    min: 0,
    max: MAX_SEED,
    isWhole: true,
    none: -1,
  },
  repeat_penalty: {
    about: 'how strongly repetition is penalised; 1 does nothing',
    min: LEAST_REPEAT_PENALTY,
    max: MAX_REPEAT_PENALTY,
  },
  presence_penalty: { about: 'penalises what came already', min: -MAX_PENALTY, max: MAX_PENALTY },
  frequency_penalty: { about: 'penalises what came often', min: -MAX_PENALTY, max: MAX_PENALTY },
} as const satisfies Readonly<Record<string, NumberRule>>;

type NumberName = keyof typeof NUMBERS;

const STOP_ABOUT = 'end the answer before any of these texts';

/** What a person has set; what is absent is the model's or the engine's default. */
export interface Parameters {
  readonly numbers: Readonly<Partial<Record<NumberName, number>>>;
  readonly stop: readonly string[];
}

export const NO_PARAMETERS: Parameters = { numbers: {}, stop: [] };

/** Every name with what it is, for help. */
export function parameterHelp(): readonly (readonly [name: string, about: string])[] {
  return [...Object.entries(NUMBERS).map(([name, { about }]) => [name, about] as const), ['stop', STOP_ABOUT]];
}

/** With one parameter set. Throws `INVALID_REQUEST` that says which names and values there are. */
export function setParameter(parameters: Parameters, name: string, values: readonly string[]): Parameters {
  if (name === 'stop') return { ...parameters, stop: checkedStops(values) };
  if (!isNumberName(name)) {
    const known = [...Object.keys(NUMBERS), 'stop'];
    throw ShoalError.invalidRequest(
      `Unknown parameter '${name}'.${didYouMean(name, known)} There are: ${known.join(', ')}.`,
    );
  }
  const { [name]: _, ...others } = parameters.numbers;
  const number = checkedNumber(name, values);
  return { ...parameters, numbers: number === undefined ? others : { ...others, [name]: number } };
}

/** The names that are set, with their values as they were typed. */
export function parameterValues({
  numbers,
  stop,
}: Parameters): readonly (readonly [name: string, values: readonly string[]])[] {
  const set = Object.entries(numbers).map(([name, value]) => [name, [String(value)]] as const);
  return stop.length === 0 ? set : [...set, ['stop', stop]];
}

export function samplingOf({ numbers }: Parameters): Sampling {
  const { num_predict, temperature, top_k, top_p, min_p, seed } = numbers;
  const { repeat_penalty, presence_penalty, frequency_penalty } = numbers;
  return {
    ...(num_predict !== undefined && { maxTokens: num_predict }),
    ...(temperature !== undefined && { temperature }),
    ...(top_k !== undefined && { topK: top_k }),
    ...(top_p !== undefined && { topP: top_p }),
    ...(min_p !== undefined && { minP: min_p }),
    ...(seed !== undefined && { seed }),
    ...(repeat_penalty !== undefined && { repeatPenalty: repeat_penalty }),
    ...(presence_penalty !== undefined && { presencePenalty: presence_penalty }),
    ...(frequency_penalty !== undefined && { frequencyPenalty: frequency_penalty }),
  };
}

function isNumberName(name: string): name is NumberName {
  return Object.hasOwn(NUMBERS, name);
}

function checkedNumber(name: NumberName, [text = '', ...more]: readonly string[]): number | undefined {
  const { min, max, isWhole, none }: NumberRule = NUMBERS[name];
  const number = /^-?(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : Number.NaN;
  if (more.length === 0 && number === none) return undefined;
  if (more.length === 0 && number >= min && number <= max && (isWhole !== true || Number.isInteger(number)))
    return number;
  const kind = isWhole === true ? 'a whole number' : 'a number';
  throw ShoalError.invalidRequest(`'${name}' must be ${kind} from ${min} to ${max}.`);
}

function checkedStops(values: readonly string[]): readonly string[] {
  const areGood = values.every(({ length }) => length > 0 && length <= STOP_LENGTH_MAX);
  if (values.length > 0 && values.length <= MAX_STOP_STRINGS && areGood) return values;
  throw ShoalError.invalidRequest(
    `'stop' takes 1 to ${MAX_STOP_STRINGS} texts of at most ${STOP_LENGTH_MAX} characters.`,
  );
}

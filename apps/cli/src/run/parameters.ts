import { MAX_STOP_STRINGS, SAMPLING, type Sampling, type SamplingNumber } from '@shoal/protocol';
import { ShoalError } from '@shoal/protocol/error';
import { didYouMean } from '../help/did-you-mean.ts';

/** Limit of one stop string in UTF-16 units. */
const STOP_LENGTH_MAX = 1_024;
const CONTEXT_TOKENS_MAX = 16_777_216;

interface NumberRule extends Pick<SamplingNumber, 'kind' | 'least' | 'most' | 'about'> {
  /** The field of `Sampling` that is set. */
  readonly field?: string | undefined;
  /** A value that removes the parameter. */
  readonly unset?: number | undefined;
}

/** Ollama's names that differ from the wire names. */
const OLLAMA_NAMES: Readonly<Record<string, string>> = { max_tokens: 'num_predict' };
const UNSET: Readonly<Record<string, { readonly value: number; readonly about: string }>> = {
  num_predict: { value: -1, about: '-1 for no limit' },
  seed: { value: -1, about: '-1 for a new one each time' },
};

const CONTEXT_RULE: NumberRule = {
  about: 'context length in tokens; reloads the model',
  kind: 'whole',
  least: 1,
  most: CONTEXT_TOKENS_MAX,
};

/** Rules of the numeric parameters, by Ollama's names. */
const NUMBERS: ReadonlyMap<string, NumberRule> = new Map([...samplingRules(), ['num_ctx', CONTEXT_RULE]]);

function samplingRules(): readonly (readonly [name: string, rule: NumberRule])[] {
  return Object.entries(SAMPLING).flatMap(([field, rule]) => {
    if (rule.kind === 'biases') return [];
    const name = OLLAMA_NAMES[rule.wireName] ?? rule.wireName;
    const unset = UNSET[name];
    const about = unset === undefined ? rule.about : `${rule.about}; ${unset.about}`;
    return [[name, { ...rule, field, about, unset: unset?.value }]];
  });
}

const STOP_ABOUT = 'end the answer before any of these texts';

/** The parameters that were set. All others have the default of the model or the engine. */
export interface Parameters {
  readonly numbers: Readonly<Record<string, number>>;
  readonly stop: readonly string[];
}

export const NO_PARAMETERS: Parameters = { numbers: {}, stop: [] };

/** Returns every name with its description. */
export function parameterHelp(): readonly (readonly [name: string, about: string])[] {
  return [...[...NUMBERS].map(([name, { about }]) => [name, about] as const), ['stop', STOP_ABOUT]];
}

/** Returns the parameters with one changed. Throws `INVALID_REQUEST` with the valid names or values. */
export function setParameter(parameters: Parameters, name: string, values: readonly string[]): Parameters {
  if (name === 'stop') return { ...parameters, stop: checkedStops(values) };
  const rule = NUMBERS.get(name);
  if (rule === undefined) {
    const known = [...NUMBERS.keys(), 'stop'];
    throw ShoalError.invalidRequest(
      `Unknown parameter '${name}'.${didYouMean(name, known)} Valid names: ${known.join(', ')}.`,
    );
  }
  const { [name]: _, ...others } = parameters.numbers;
  const number = checkedNumber(name, rule, values);
  return { ...parameters, numbers: number === undefined ? others : { ...others, [name]: number } };
}

/** Returns the names that are set, with their values as text. */
export function parameterValues({
  numbers,
  stop,
}: Parameters): readonly (readonly [name: string, values: readonly string[]])[] {
  const set = Object.entries(numbers).map(([name, value]) => [name, [String(value)]] as const);
  return stop.length === 0 ? set : [...set, ['stop', stop]];
}

export function samplingOf({ numbers }: Parameters): Sampling {
  const values = Object.entries(numbers).map(([name, value]) => [NUMBERS.get(name)?.field, value] as const);
  return Object.fromEntries(values.filter(([field]) => field !== undefined));
}

function checkedNumber(
  name: string,
  { kind, least, most, unset }: NumberRule,
  [text = '', ...more]: readonly string[],
): number | undefined {
  const number = /^-?(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : Number.NaN;
  if (more.length === 0 && number === unset) return undefined;
  if (more.length === 0 && number >= least && number <= most && (kind === 'number' || Number.isInteger(number))) {
    return number;
  }
  const what = kind === 'whole' ? 'a whole number' : 'a number';
  throw ShoalError.invalidRequest(`'${name}' must be ${what} from ${least} to ${most}.`);
}

function checkedStops(values: readonly string[]): readonly string[] {
  const areGood = values.every(({ length }) => length > 0 && length <= STOP_LENGTH_MAX);
  if (values.length > 0 && values.length <= MAX_STOP_STRINGS && areGood) return values;
  throw ShoalError.invalidRequest(
    `'stop' takes 1 to ${MAX_STOP_STRINGS} texts of at most ${STOP_LENGTH_MAX} characters.`,
  );
}

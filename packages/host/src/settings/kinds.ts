import { keepAliveMs } from '@shoal/formats/ollama/keep-alive';
import { ShoalError } from '@shoal/protocol/error';
import { checkClusterId } from '@shoal/protocol/opengateway';
import { z } from 'zod';
import { isName, NAME_CHARACTERS } from '../printable.ts';

const NAME = `1 to ${NAME_CHARACTERS} printable characters`;
const CLUSTER_ID = '1 to 255 bytes of UTF-8 without control characters';
/** Clusters that a setting may list. */
const CLUSTERS_MAX = 64;
const CLUSTER_CHOICE = `true, false or a list of at most ${CLUSTERS_MAX} ids of clusters`;
const DURATION = 'a duration such as "5m" or "1h30m", seconds, 0 to unload at once, or -1 for no limit';
const TIMEOUT = 'a duration such as "90s" or "10m", seconds, or -1 for no limit';

const name = z.string(NAME).refine(isName, NAME);

const trueOrFalse = z.boolean('true or false');

const clusterId = z.string(CLUSTER_ID).refine(isClusterId, CLUSTER_ID);

/** True, false, or the clusters for which something holds. */
const clusterChoice = z.union([z.boolean(), z.array(clusterId).max(CLUSTERS_MAX)], CLUSTER_CHOICE);

/** A duration as Ollama writes its `keep_alive`. */
const duration = z
  .union([z.string(), z.number()], DURATION)
  .refine((value) => keepAliveMs(value) !== undefined, DURATION);

/** A duration that a program waits. */
const timeout = z.union([z.string(), z.number()], TIMEOUT).refine((value) => (keepAliveMs(value) ?? 0) > 0, TIMEOUT);

function whole(least: number, most: number): z.ZodInt {
  const expected = `a whole number from ${least} to ${most}`;
  return z.int(expected).min(least, expected).max(most, expected);
}

function positive(expected: string): z.ZodNumber {
  return z.number(expected).positive(expected);
}

function text(expected: string): z.ZodString {
  return z.string(expected).min(1, expected);
}

/** A text of `least` to `most` characters. */
function characters(least: number, most: number): z.ZodString {
  const expected = `${least} to ${most} characters`;
  return z.string(expected).min(least, expected).max(most, expected);
}

function matching(pattern: RegExp, expected: string): z.ZodString {
  return z.string(expected).regex(pattern, expected);
}

function oneOf<const Choices extends readonly string[]>(
  choices: Choices,
): z.ZodEnum<{ [Choice in Choices[number]]: Choice }> {
  return z.enum(choices, `one of ${choices.join(', ')}`);
}

/** A list of at most `most` items. `items` names them in the plural. */
function list<Item extends z.ZodType>(item: Item, most: number, items: string): z.ZodArray<Item> {
  const expected = `a list of at most ${most} ${items}`;
  return z.array(item, expected).max(most, expected);
}

/** An object of at most `most` members whose keys match `key`. `expected` describes such an object. */
function record<Value extends z.ZodType>(
  key: RegExp,
  value: Value,
  most: number,
  expected: string,
): z.ZodRecord<z.ZodString, Value> {
  return z
    .record(z.string(expected).regex(key, expected), value, expected)
    .refine((members) => Object.keys(members).length <= most, `an object of at most ${most} members`);
}

type Optional<Shape extends Readonly<Record<string, z.ZodType>>> = z.ZodObject<
  { -readonly [Key in keyof Shape]: z.ZodOptional<Shape[Key]> },
  z.core.$strict
>;

/** An object with these keys, each of which may be absent, and no others. */
function object<Shape extends Readonly<Record<string, z.ZodType>>>(shape: Shape): Optional<Shape> {
  return z.strictObject(shape, 'an object').partial() as Optional<Shape>;
}

function isClusterId(id: string): boolean {
  try {
    checkClusterId(id);
    return true;
  } catch (error) {
    if (error instanceof ShoalError) return false;
    throw error;
  }
}

/** The schemas that the tables of settings use. Each message completes "must be …". */
export const kinds = {
  name,
  trueOrFalse,
  clusterId,
  clusterChoice,
  duration,
  timeout,
  whole,
  positive,
  text,
  characters,
  matching,
  oneOf,
  list,
  record,
  object,
};

import { z } from 'zod';
import { keepAliveMs } from './keep-alive.ts';
import { printableName } from '../printable.ts';

const NAME_CHARACTERS = 64;

/** A text of 1 to 64 characters that can be printed as it is. */
export const nameSchema = z.string('a text').refine(isName, `1 to ${NAME_CHARACTERS} printable characters`);

export function whole(least: number, most: number): z.ZodInt {
  const expected = `a whole number from ${least} to ${most}`;
  return z.int(expected).min(least, expected).max(most, expected);
}

const KEEP_ALIVE = 'a time such as "5m" or "1h30m", seconds, 0 for not at all, or -1 for ever';

/** How long a model stays in memory. */
export const durationSchema = z
  .union([z.string(), z.number()], KEEP_ALIVE)
  .refine((value) => keepAliveMs(value) !== undefined, KEEP_ALIVE);

/** The keys that an object schema knows at a path beneath it. */
export function keysAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): readonly string[] {
  if (schema instanceof z.ZodOptional) return keysAt(schema.unwrap(), path);
  if (!(schema instanceof z.ZodObject)) return [];
  const [first, ...rest] = path;
  if (first === undefined) return Object.keys(schema.shape);
  const inner: z.core.$ZodType | undefined = schema.shape[String(first)];
  return inner === undefined ? [] : keysAt(inner, rest);
}

function isName(text: string): boolean {
  return text.trim().length > 0 && text.length <= NAME_CHARACTERS && printableName(text) === text;
}

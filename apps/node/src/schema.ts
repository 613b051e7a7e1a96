import { z } from 'zod';
import { printableName } from './printable.ts';

const NAME_CHARACTERS = 64;

/** A text of 1 to 64 characters that can be printed as it is. */
export const nameSchema = z.string('a text').refine(isName, `1 to ${NAME_CHARACTERS} printable characters`);

export function whole(least: number, most: number): z.ZodInt {
  const expected = `a whole number from ${least} to ${most}`;
  return z.int(expected).min(least, expected).max(most, expected);
}

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

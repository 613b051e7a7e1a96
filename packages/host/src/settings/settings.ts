import { ShoalError } from '@shoal/protocol/error';
import { z } from 'zod';
import { kinds } from './kinds.ts';
import { shapeOf } from './setting.ts';
import { type ENGINES, SETTINGS } from './table.ts';

export type EngineName = (typeof ENGINES)[number];

/** True for an engine that runs a GGUF file of this machine. */
export function runsFiles(engine: EngineName): boolean {
  return engine === 'auto' || engine === 'llama' || engine === 'llama-server';
}

const shape = shapeOf(SETTINGS, kinds);
const schema = kinds.object(shape);

/** The settings of one source: flags, environment or file. */
export type Settings = z.infer<typeof schema>;

/**
 * Returns the settings of one source. `describe` returns the name of a setting as that source writes it: `--slots`,
 * `SHOAL_PORT`, or a file and a key. Throws `INVALID_REQUEST` with the name of the first wrong setting and what it must be.
 */
export function parseSettings(
  value: unknown,
  describe: (path: string, keys: readonly PropertyKey[]) => string,
): Settings {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const path = (issue?.path ?? []).join('.');
  if (issue?.code === 'unrecognized_keys') {
    const key = [path, issue.keys[0]].filter(Boolean).join('.');
    const known = keysAt(schema, issue.path).join(', ');
    throw ShoalError.invalidRequest(
      `${describe(key, [...issue.path, issue.keys[0] ?? ''])} is not a setting. There are: ${known}.`,
    );
  }
  throw ShoalError.invalidRequest(
    `${describe(path, issue?.path ?? [])} must be ${issue?.message ?? 'something else'}.`,
  );
}

/** The keys of an object schema at a path beneath it. */
function keysAt(part: z.core.$ZodType, path: readonly PropertyKey[]): readonly string[] {
  if (part instanceof z.ZodOptional) return keysAt(part.unwrap(), path);
  if (!(part instanceof z.ZodObject)) return [];
  const [first, ...rest] = path;
  if (first === undefined) return Object.keys(part.shape);
  const inner: z.core.$ZodType | undefined = part.shape[String(first)];
  return inner === undefined ? [] : keysAt(inner, rest);
}

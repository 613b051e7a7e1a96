import { isObject } from '../json.ts';
import { cutName } from '../peer-text.ts';

/** The members of a `config_json` that are used. */
export interface ModelConfiguration {
  /** Undefined if it names none. The file itself then decides. */
  readonly format?: string | undefined;
  readonly name?: string | undefined;
  readonly contextLength?: number | undefined;
}

const LONGEST_FORMAT = 32;
const MAX_CONTEXT_TOKENS = 0x7fff_ffff;

/** Parses a configuration. Text that is not a JSON object is an empty configuration. Never throws. */
export function readModelConfiguration(json: string): ModelConfiguration {
  const value = parse(json);
  const { format, name, context_length: length } = isObject(value) ? value : {};
  return {
    ...(typeof format === 'string' && format !== '' ? { format: format.slice(0, LONGEST_FORMAT) } : {}),
    ...(typeof name === 'string' && name !== '' ? { name: cutName(name) } : {}),
    ...(Number.isInteger(length) && Number(length) > 0
      ? { contextLength: Math.min(Number(length), MAX_CONTEXT_TOKENS) }
      : {}),
  };
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

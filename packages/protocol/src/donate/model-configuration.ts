import b4a from 'b4a';
import { ShoalError } from '../error.ts';
import { type JsonObject, parseObject } from '../json.ts';
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

/** Parses a configuration. Text that no message may be, such as one that is no JSON object, is an empty one. Never throws. */
export function readModelConfiguration(json: string): ModelConfiguration {
  const { format, name, context_length: length } = parse(json) ?? {};
  return {
    ...(typeof format === 'string' && format !== '' ? { format: format.slice(0, LONGEST_FORMAT) } : {}),
    ...(typeof name === 'string' && name !== '' ? { name: cutName(name) } : {}),
    ...(Number.isInteger(length) && Number(length) > 0
      ? { contextLength: Math.min(Number(length), MAX_CONTEXT_TOKENS) }
      : {}),
  };
}

function parse(json: string): JsonObject | undefined {
  try {
    return parseObject(b4a.from(json, 'utf8'));
  } catch (thrown) {
    if (ShoalError.from(thrown).code === 'BAD_MESSAGE') return undefined;
    throw thrown;
  }
}

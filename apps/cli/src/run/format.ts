import { readFile, stat } from 'node:fs/promises';
import { errorCode } from '@shoal/files/error-code';
import type { AnswerFormat } from '@shoal/protocol/request';
import { isObject } from '@shoal/protocol/json';
import { CliError } from '../cli-error.ts';

/** Limit of a JSON Schema file. */
const SCHEMA_BYTES_MAX = 256 * 1024;

/** Parses `--format`: `json`, or the path of a JSON Schema. Throws a usage error for anything else. */
export async function readFormat(text: string): Promise<AnswerFormat> {
  if (text === 'json') return { type: 'json' };
  const schema = await readSchema(text);
  if (!isObject(schema)) throw CliError.usage(`--format: ${text} is not a JSON Schema: it must contain an object.`);
  return { type: 'json_schema', schema };
}

async function readSchema(path: string): Promise<unknown> {
  try {
    const { size } = await stat(path);
    if (size > SCHEMA_BYTES_MAX) throw CliError.usage(`--format: ${path} has more than ${SCHEMA_BYTES_MAX} bytes.`);
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (error instanceof CliError) throw error;
    if (error instanceof SyntaxError) throw CliError.usage(`--format: ${path} is not valid JSON.`);
    throw CliError.usage(
      `--format must be json or the path of a JSON Schema: ${path} cannot be read (${errorCode(error)}).`,
    );
  }
}

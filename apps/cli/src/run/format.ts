import { readFile, stat } from 'node:fs/promises';
import { errorCode } from '@shoal/files/error-code';
import { type AnswerFormat, isObject } from '@shoal/protocol';
import { CliError } from '../cli-error.ts';

/** A JSON Schema's file. */
const SCHEMA_BYTES_MAX = 256 * 1024;

/** What `--format` says: `json`, or the file of a JSON Schema. Throws a usage error. */
export async function readFormat(text: string): Promise<AnswerFormat> {
  if (text === 'json') return { type: 'json' };
  const schema = await readSchema(text);
  if (!isObject(schema)) throw CliError.usage(`--format: ${text} is no JSON Schema, which is an object.`);
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
      `--format must be json, or a JSON Schema’s file: ${path} cannot be read (${errorCode(error)}).`,
    );
  }
}

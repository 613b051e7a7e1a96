import { API_BODY_LIMIT_BYTES } from '@shoal/node/api';
import { ShoalError } from '@shoal/protocol/error';
import { CliError } from './cli-error.ts';

/** Returns the prompt argument, or stdin for `-` and for a missing argument. Throws a usage error for an empty prompt. */
export async function promptText(text: string | undefined, example: string): Promise<string> {
  const read = text === '-' || (text === undefined && !process.stdin.isTTY) ? await readInput() : text;
  if (read === undefined || read.trim() === '') throw CliError.usage(`There is no prompt: ${example}`);
  return read;
}

/** Reads all of stdin, without white space at its end. Throws `INVALID_REQUEST` for more bytes than the API accepts. */
export async function readInput(): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of process.stdin as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > API_BODY_LIMIT_BYTES) {
      throw ShoalError.invalidRequest(`The prompt is too long: the limit is ${API_BODY_LIMIT_BYTES} bytes.`);
    }
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8').trimEnd();
}

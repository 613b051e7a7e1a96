import { ShoalError } from '@shoal/protocol';

/** `why` ends a sentence that begins with the file: "it has …". */
export function invalidGguf(why: string): ShoalError {
  return ShoalError.invalidRequest(`The file cannot be used as a GGUF model: ${why}.`);
}

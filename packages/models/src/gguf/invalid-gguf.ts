import { ShoalError } from '@shoal/protocol/error';

/** `reason` completes the message, with the file as its subject: "it has …". */
export function invalidGguf(reason: string): ShoalError {
  return ShoalError.invalidRequest(`The file cannot be used as a GGUF model: ${reason}.`);
}

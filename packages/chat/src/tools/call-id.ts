import { randomInt } from 'node:crypto';

/** Mistral's templates take ids of just this length, of letters and digits; all others take them, too. */
const ID_LENGTH = 9;
const CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** An id for a call of a tool. */
export function callId(): string {
  return Array.from({ length: ID_LENGTH }, () => CHARACTERS.charAt(randomInt(CHARACTERS.length))).join('');
}

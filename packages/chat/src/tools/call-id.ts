/** Mistral's templates take ids of just this length, of letters and digits; all others take them, too. */
const ID_LENGTH = 9;
const CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** An id for a call of a tool. */
export function callId(): string {
  const numbers = crypto.getRandomValues(new Uint32Array(ID_LENGTH));
  return Array.from(numbers, (number) => CHARACTERS.charAt(number % CHARACTERS.length)).join('');
}

/** Mistral's templates require exactly 9 letters and digits. All other templates accept such ids. */
const ID_LENGTH = 9;
const CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** Returns a random id for a tool call. */
export function callId(): string {
  const numbers = crypto.getRandomValues(new Uint32Array(ID_LENGTH));
  return Array.from(numbers, (number) => CHARACTERS.charAt(number % CHARACTERS.length)).join('');
}

import { ShoalError } from '../error.ts';

/** The length of the topic that a Server ID encodes. */
export const SERVER_ID_BYTES = 32;

/** Bitcoin's base58 alphabet: digits and letters without 0, O, I and l, which are easily confused. */
const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
const BASE = 58;
/** 32 bytes of 0 have 32 digits, and 32 bytes of 255 have 44. */
const SHORTEST = SERVER_ID_BYTES;
const LONGEST = 44;

/** Returns a topic's 32 bytes as base58. Throws `INVALID_SERVER_ID` for a topic of another length. */
export function encodeServerId(topic: Uint8Array): string {
  if (topic.length !== SERVER_ID_BYTES) throw wrong(`stands for ${SERVER_ID_BYTES} bytes, not ${topic.length}`);
  const digits = convert(topic, 256, BASE);
  return digits.map((digit) => ALPHABET.charAt(digit)).join('');
}

/** Returns the topic of a Server ID, which may have blanks around it. Throws `INVALID_SERVER_ID` with the reason. */
export function decodeServerId(text: string): Uint8Array {
  const id = text.trim();
  if (id === '') throw wrong('is missing');
  if (id.length > LONGEST) throw wrong(`has at most ${LONGEST} characters, and this has ${id.length}`);
  const digits = Array.from(id, (character) => {
    const digit = ALPHABET.indexOf(character);
    if (digit === -1) throw wrong(`is made of digits and letters without 0, O, I and l; this has ${shown(character)}`);
    return digit;
  });
  if (id.length < SHORTEST) throw wrong(`has at least ${SHORTEST} characters, and this has ${id.length}`);
  const bytes = convert(digits, BASE, 256);
  if (bytes.length !== SERVER_ID_BYTES)
    throw wrong(`stands for ${SERVER_ID_BYTES} bytes, and this for ${bytes.length}`);
  return Uint8Array.from(bytes);
}

/** Converts a number to another base, highest digit first. As base58 requires, leading zeros are kept. */
function convert(digits: ArrayLike<number>, from: number, to: number): number[] {
  const all = Array.from(digits);
  const leading = all.findIndex((digit) => digit !== 0);
  const zeros = leading === -1 ? all.length : leading;
  const lowestFirst: number[] = [];
  for (const digit of all.slice(zeros)) {
    let carry = digit;
    for (const [place, value] of lowestFirst.entries()) {
      const sum = value * from + carry;
      lowestFirst[place] = sum % to;
      carry = Math.floor(sum / to);
    }
    for (; carry > 0; carry = Math.floor(carry / to)) lowestFirst.push(carry % to);
  }
  return [...Array.from({ length: zeros }, () => 0), ...lowestFirst.reverse()];
}

function shown(character: string): string {
  return /^[\u0021-\u007e]$/.test(character) ? `"${character}"` : 'another character';
}

function wrong(what: string): ShoalError {
  return new ShoalError('INVALID_SERVER_ID', `A Server ID ${what}.`);
}

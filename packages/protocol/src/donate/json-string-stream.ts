const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SLASH = 0x2f;
const LETTER_U = 0x75;
/** Digits of the escape `\u`. */
const HEX_DIGITS = 4;
/** Stands for any character that is not base64. */
const NOT_BASE64 = 0;

/** Reads an ASCII string of JSON that arrives in pieces, up to its closing quote. */
export class JsonStringStream {
  /** The characters of an incomplete escape. */
  #escape: number[] = [];
  #isOver = false;

  /** True once the closing quote was read. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * Returns the string's characters in these bytes and the number of bytes used, the closing quote included. The characters may
   * be a part of `bytes`.
   */
  push(bytes: Uint8Array): { readonly text: Uint8Array; readonly used: number } {
    if (this.#escape.length > 0 || bytes.includes(BACKSLASH)) return this.#unescaped(bytes);
    const quote = bytes.indexOf(QUOTE);
    this.#isOver = quote !== -1;
    return this.#isOver ? { text: bytes.subarray(0, quote), used: quote + 1 } : { text: bytes, used: bytes.length };
  }

  /** Some programs escape each slash. Base64 has no other character that is. */
  #unescaped(bytes: Uint8Array): { readonly text: Uint8Array; readonly used: number } {
    const text = new Uint8Array(bytes.length);
    let length = 0;
    let used = 0;
    for (const byte of bytes) {
      used += 1;
      if (this.#escape.length > 0 || byte === BACKSLASH) {
        this.#escape.push(byte);
        const character = characterOf(this.#escape);
        if (character === undefined) continue;
        this.#escape = [];
        text[length] = character;
        length += 1;
      } else if (byte === QUOTE) {
        this.#isOver = true;
        break;
      } else {
        text[length] = byte;
        length += 1;
      }
    }
    return { text: text.subarray(0, length), used };
  }
}

/** Returns the character of an escape. Undefined if it is incomplete. */
function characterOf([, kind, ...digits]: readonly number[]): number | undefined {
  if (kind === undefined) return undefined;
  if (kind !== LETTER_U) return kind === SLASH ? SLASH : NOT_BASE64;
  if (digits.length < HEX_DIGITS) return undefined;
  const hex = String.fromCharCode(...digits);
  const code = /^[0-9a-f]+$/i.test(hex) ? Number.parseInt(hex, 16) : NOT_BASE64;
  return code <= 0x7f ? code : NOT_BASE64;
}

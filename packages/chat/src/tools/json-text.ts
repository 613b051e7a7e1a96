/** The state of a JSON value after one more character. `before`: the value ended before this character. */
export type JsonStep = 'more' | 'done' | 'before' | 'malformed';

type Expected = 'value' | 'value or end' | 'key' | 'key or end' | 'colon' | 'comma or end';

const SCALAR = /^(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)$/;
const SCALAR_CHARACTER = /[-+.\w]/;
const ESCAPED = /^["\\/bfnrt]$/;

/** Finds the end of one JSON value (RFC 8259), one character at a time. */
export class JsonText {
  readonly #open: ('{' | '[')[] = [];
  #expected: Expected = 'value';
  #scalar = '';
  /** State within a string. `escape`: after a backslash; a number: hex digits left of a `\u` escape. */
  #string: 'text' | 'escape' | number | undefined;
  #isKey = false;

  push(char: string): JsonStep {
    if (this.#string !== undefined) return this.#inString(char, this.#string);
    if (this.#scalar !== '') {
      if (SCALAR_CHARACTER.test(char)) return this.#append(char);
      if (!SCALAR.test(this.#scalar)) return 'malformed';
      this.#scalar = '';
      if (this.#ended() === 'done') return 'before';
    }
    return /[ \t\r\n]/.test(char) ? 'more' : this.#structure(char);
  }

  #inString(char: string, state: 'text' | 'escape' | number): JsonStep {
    if (typeof state === 'number') {
      if (!/[\da-fA-F]/.test(char)) return 'malformed';
      this.#string = state === 1 ? 'text' : state - 1;
      return 'more';
    }
    if (state === 'escape') {
      if (char !== 'u' && !ESCAPED.test(char)) return 'malformed';
      this.#string = char === 'u' ? 4 : 'text';
      return 'more';
    }
    if (char < ' ') return 'malformed';
    if (char === '\\') this.#string = 'escape';
    if (char !== '"') return 'more';
    this.#string = undefined;
    if (!this.#isKey) return this.#ended();
    this.#expected = 'colon';
    return 'more';
  }

  #structure(char: string): JsonStep {
    const expected = this.#expected;
    if (expected === 'colon') return char === ':' ? this.#expect('value') : 'malformed';
    if (char === '}' || char === ']') return this.#close(char, expected);
    if (expected === 'comma or end') {
      return char === ',' ? this.#expect(this.#open.at(-1) === '{' ? 'key' : 'value') : 'malformed';
    }
    this.#isKey = expected === 'key' || expected === 'key or end';
    if (char === '"') {
      this.#string = 'text';
      return 'more';
    }
    if (this.#isKey) return 'malformed';
    if (char === '{' || char === '[') {
      this.#open.push(char);
      return this.#expect(char === '{' ? 'key or end' : 'value or end');
    }
    return SCALAR_CHARACTER.test(char) ? this.#append(char) : 'malformed';
  }

  #close(char: '}' | ']', expected: Expected): JsonStep {
    const mayEnd = expected === 'comma or end' || expected === 'key or end' || expected === 'value or end';
    const isFitting = this.#open.at(-1) === (char === '}' ? '{' : '[');
    if (!mayEnd || !isFitting) return 'malformed';
    this.#open.pop();
    return this.#ended();
  }

  #append(char: string): JsonStep {
    this.#scalar += char;
    return 'more';
  }

  #ended(): JsonStep {
    this.#expected = 'comma or end';
    return this.#open.length === 0 ? 'done' : 'more';
  }

  #expect(expected: Expected): JsonStep {
    this.#expected = expected;
    return 'more';
  }
}

import type { AnswerScanner, Reading } from './answer-scanner.ts';
import { JsonText } from './json-text.ts';

/**
 * Moves past one JSON value and returns its text, or undefined if it is malformed or cut. Calls `onText` with each piece of
 * the text as it arrives.
 */
export function* readJson(scan: AnswerScanner, onText?: (text: string) => void): Reading<string | undefined> {
  const json = new JsonText();
  let whole = '';
  for (;;) {
    if ((yield* scan.peek()) === undefined) return undefined;
    const ahead = scan.ahead;
    let length = 0;
    let step: ReturnType<JsonText['push']> = 'more';
    while (length < ahead.length && step === 'more') {
      step = json.push(ahead.charAt(length));
      if (step === 'more' || step === 'done') length++;
    }
    scan.advance(length);
    const text = ahead.slice(0, length);
    whole += text;
    if (text !== '') onText?.(text);
    if (step === 'malformed') return undefined;
    if (step !== 'more') return whole;
  }
}

/** Moves past a JSON string and returns its decoded value, or undefined if it is malformed, cut or not a string. */
export function* readJsonString(scan: AnswerScanner): Reading<string | undefined> {
  if ((yield* scan.peek()) !== '"') return undefined;
  const text = yield* readJson(scan);
  const value: unknown = text === undefined ? undefined : JSON.parse(text);
  return typeof value === 'string' ? value : undefined;
}

/** Emits the decoded text of a JSON string as it arrives. Returns false if the string is malformed or cut. */
export function* emitJsonString(scan: AnswerScanner): Reading<boolean> {
  if (!(yield* scan.match('"'))) return false;
  scan.drop();
  // Two escapes may be a surrogate pair, which is emitted as a whole.
  let half = '';
  for (;;) {
    const plain = plainLength(scan.ahead);
    const text = half + scan.ahead.slice(0, plain);
    scan.advance(plain);
    half = '';
    if (text !== '') scan.emitText(text);
    const char = yield* scan.peek();
    if (char === '"') {
      scan.advance(1);
      scan.drop();
      return true;
    }
    if (char === '\\') {
      const character = yield* readEscape(scan);
      if (character === undefined) return false;
      if (isHighSurrogate(character) && (yield* scan.peek()) === '\\') half = character;
      else scan.emitText(character);
      continue;
    }
    if (char === undefined || char < ' ') return false;
  }
}

/** Returns the number of characters before the next quote, escape or control character. */
function plainLength(text: string): number {
  let length = 0;
  for (let char = text.charAt(0); char >= ' ' && char !== '"' && char !== '\\'; char = text.charAt(length)) length++;
  return length;
}

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};
const UNICODE_DIGITS = 4;

/** Moves past an escape and returns its character. Returns undefined without moving if it is invalid. */
function* readEscape(scan: AnswerScanner): Reading<string | undefined> {
  yield* waitFor(scan, 2);
  const kind = scan.ahead.charAt(1);
  if (kind !== 'u') {
    const character = SIMPLE_ESCAPES[kind];
    if (character !== undefined) scan.advance(2);
    return character;
  }
  yield* waitFor(scan, 2 + UNICODE_DIGITS);
  const digits = scan.ahead.slice(2, 2 + UNICODE_DIGITS);
  if (!/^[\da-fA-F]{4}$/.test(digits)) return undefined;
  scan.advance(2 + UNICODE_DIGITS);
  return String.fromCharCode(Number.parseInt(digits, 16));
}

/** Waits until this many characters are available or the answer ends. */
function* waitFor(scan: AnswerScanner, characters: number): Reading<void> {
  for (let count = 1; count <= characters; count++) {
    scan.advance(count - 1);
    const char = yield* scan.peek();
    scan.advance(1 - count);
    if (char === undefined) return;
  }
}

function isHighSurrogate(text: string): boolean {
  return text >= '\ud800' && text <= '\udbff';
}

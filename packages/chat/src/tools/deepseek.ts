import type { AnswerScanner, Reading } from './answer-scanner.ts';
import type { Calls } from './calls.ts';
import { anyOf, literal, oneOrMore, readMarkedCalls, type ToolFormat } from './tool-format.ts';

const ALL_START = '<｜tool▁calls▁begin｜>';
const ALL_END = '<｜tool▁calls▁end｜>';
const START = '<｜tool▁call▁begin｜>';
const SEPARATOR = '<｜tool▁sep｜>';
const END = '<｜tool▁call▁end｜>';
const FENCE = '```';

/** True if `function` precedes the separator and a fence encloses the arguments (V3, R1). In V3.1 the name precedes it. */
const isFenced = (source: string) => source.includes('```json');

const shared = {
  *read(scan: AnswerScanner, calls: Calls): Reading<void> {
    yield* readMarkedCalls(scan, calls, {
      markers: [START],
      silent: [ALL_START, ALL_END],
      readAfter: () => readCall(scan, calls),
    });
  },
};

/** `<｜tool▁call▁begin｜>function<｜tool▁sep｜>name`, then the fenced arguments on the next line: the format of V3 and R1. */
export const deepseek: ToolFormat = {
  ...shared,
  name: 'deepseek',
  matchesTemplate: (source) => source.includes(ALL_START) && isFenced(source),
  grammar(calls, isParallel) {
    const rules = calls.map(
      ({ name, arguments: rule }) =>
        `${literal(`${START}function${SEPARATOR}${name}\n${FENCE}json\n`)} ${rule} ${literal(`\n${FENCE}${END}`)}`,
    );
    return `${literal(ALL_START)} ${oneOrMore(anyOf(rules), '\n', isParallel)} ${literal(ALL_END)}`;
  },
};

/**
 * `<｜tool▁call▁begin｜>name<｜tool▁sep｜>{…}<｜tool▁call▁end｜>`, the format of V3.1. It needs a template that describes tools,
 * which DeepSeek's own does not.
 */
export const deepseek31: ToolFormat = {
  ...shared,
  name: 'deepseek-v3.1',
  matchesTemplate: (source) => source.includes(ALL_START) && !isFenced(source),
  grammar(calls, isParallel) {
    const rules = calls.map(
      ({ name, arguments: rule }) => `${literal(`${START}${name}${SEPARATOR}`)} ${rule} ${literal(END)}`,
    );
    return `${literal(ALL_START)} ${oneOrMore(anyOf(rules), '', isParallel)} ${literal(ALL_END)}`;
  },
};

function* readCall(scan: AnswerScanner, calls: Calls): Reading<boolean> {
  const first = yield* readUntil(scan, SEPARATOR);
  if (first === undefined) return false;
  let name = first.trim();
  if (name === 'function' && !calls.isOffered(name)) name = (yield* readUntil(scan, '\n'))?.trim() ?? '';
  if (!calls.isOffered(name)) return false;
  yield* scan.skipSpace();
  if (yield* scan.match(FENCE)) yield* scan.match('json');
  yield* scan.skipSpace();
  if (!(yield* calls.readArguments(name))) return false;
  yield* scan.skipEndMarker(FENCE);
  yield* scan.skipEndMarker(END);
  yield* scan.skipEndMarker(ALL_END);
  calls.complete();
  return true;
}

/** Longest name in characters. Longer text without a separator is not a call. */
const NAME_LENGTH_MAX = 256;

/** Moves past `end` and returns the text before it. Undefined if `end` is missing or follows too long a text. */
function* readUntil(scan: AnswerScanner, end: string): Reading<string | undefined> {
  let text = '';
  while (!(yield* scan.match(end))) {
    const char = yield* scan.peek();
    if (char === undefined || text.length >= NAME_LENGTH_MAX) return undefined;
    text += char;
    scan.advance(1);
  }
  return text;
}

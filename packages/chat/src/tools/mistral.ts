import type { AnswerScanner, Reading } from './answer-scanner.ts';
import type { Calls, CallShape } from './calls.ts';
import { anyOf, literal, objectRule, oneOrMore, readMarkedCalls, type ToolFormat } from './tool-format.ts';

const START = '[TOOL_CALLS]';
const ARGUMENTS = '[ARGS]';
const ID = '[CALL_ID]';
const SHAPE: CallShape = { name: ['name'], arguments: ['arguments'] };
const NAME_CHARACTER = /[\w.:/-]/;

/** `[TOOL_CALLS][{"name": …, "arguments": {…}}, …]`, the format of Mistral 7B 0.3, Nemo and Small 3. */
export const mistral: ToolFormat = {
  name: 'mistral',
  matchesTemplate: (source) => source.includes(START) && !source.includes(ARGUMENTS),
  grammar(calls, isParallel) {
    const objects = anyOf(calls.map((call) => objectRule('name', 'arguments', call)));
    return `${literal(`${START}[`)} ${oneOrMore(objects, ', ', isParallel)} ${literal(']')}`;
  },
  read: readMistral,
};

/** `[TOOL_CALLS]name[ARGS]{…}` for each call, the format of Mistral Small 3.2, Devstral and Ministral 3. */
export const mistralArguments: ToolFormat = {
  name: 'mistral-args',
  matchesTemplate: (source) => source.includes(START) && source.includes(ARGUMENTS),
  grammar(calls, isParallel) {
    const rules = calls.map((call) => `${literal(`${START}${call.name}${ARGUMENTS}`)} ${call.arguments}`);
    return oneOrMore(anyOf(rules), '', isParallel);
  },
  read: readMistral,
};

/** Reads both formats, because newer models sometimes use the older one. */
function* readMistral(scan: AnswerScanner, calls: Calls): Reading<void> {
  yield* readMarkedCalls(scan, calls, {
    markers: [START],
    *readAfter() {
      yield* scan.skipSpace();
      const next = yield* scan.peek();
      if (next === '[') return yield* readArray(scan, calls);
      return next === '{' ? yield* readObject(calls) : yield* readNamed(scan, calls);
    },
  });
}

/** Reads calls in a JSON array. The answer may end after any of them. */
export function* readArray(scan: AnswerScanner, calls: Calls, shape: CallShape = SHAPE): Reading<boolean> {
  if (!(yield* scan.match('['))) return false;
  yield* scan.skipSpace();
  do {
    if (!(yield* calls.readObject(shape))) return false;
    calls.complete();
    if (calls.isOver) return true;
  } while (yield* readComma(scan));
  const isCut = (yield* scan.peek()) === undefined;
  const isClosed = isCut || (yield* scan.match(']'));
  if (isClosed) calls.emitArguments('');
  return isClosed;
}

/** Moves past a comma. Returns true if another item follows. */
function* readComma(scan: AnswerScanner): Reading<boolean> {
  yield* scan.skipSpace();
  if (!(yield* scan.match(','))) return false;
  yield* scan.skipSpace();
  return (yield* scan.peek()) !== undefined;
}

function* readObject(calls: Calls): Reading<boolean> {
  const isCall = yield* calls.readObject(SHAPE);
  if (isCall) calls.complete();
  return isCall;
}

function* readNamed(scan: AnswerScanner, calls: Calls): Reading<boolean> {
  const name = yield* readWord(scan);
  if (!calls.isOffered(name)) return false;
  if (yield* scan.match(ID)) yield* readWord(scan);
  yield* scan.match(ARGUMENTS);
  yield* scan.skipSpace();
  if (!(yield* calls.readArguments(name))) return false;
  calls.complete();
  return true;
}

function* readWord(scan: AnswerScanner): Reading<string> {
  let word = '';
  for (let char = yield* scan.peek(); char !== undefined && NAME_CHARACTER.test(char); char = yield* scan.peek()) {
    word += char;
    scan.advance(1);
  }
  return word;
}

import type { CallShape } from './calls.ts';
import { anyOf, literal, objectRule, oneOrMore, readMarkedCalls, type ToolFormat } from './tool-format.ts';

const START = '<tool_call>';
const END = '</tool_call>';
const SHAPE: CallShape = { name: ['name'], arguments: ['arguments', 'parameters'] };
/** Markers of formats between the same markers that are not JSON. */
const OTHER_FORMATS = ['<function=', '<arg_key>', '<invoke name=', '<parameter=', '<|tool_call>call:'];

/** `<tool_call>{"name": …, "arguments": {…}}</tool_call>`: Hermes, Qwen 2.5 and 3, SmolLM 3, Granite 4 and others. */
export const hermes: ToolFormat = {
  name: 'hermes',
  matchesTemplate: (source) => source.includes(START) && !OTHER_FORMATS.some((marker) => source.includes(marker)),
  grammar(calls, isParallel) {
    const objects = anyOf(calls.map((call) => objectRule('name', 'arguments', call)));
    return oneOrMore(`${literal(`${START}\n`)} ${objects} ${literal(`\n${END}`)}`, '\n', isParallel);
  },
  *read(scan, calls) {
    yield* readMarkedCalls(scan, calls, {
      markers: [START],
      *readAfter() {
        yield* scan.skipSpace();
        if (!(yield* calls.readObject(SHAPE))) return false;
        yield* scan.skipEndMarker(END);
        calls.complete();
        return true;
      },
    });
  },
};

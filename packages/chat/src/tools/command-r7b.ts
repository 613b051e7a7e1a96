import type { CallShape } from './calls.ts';
import { readArray } from './mistral.ts';
import { anyOf, literal, readMarkedCalls, type ToolFormat } from './tool-format.ts';

const START = '<|START_ACTION|>';
const END = '<|END_ACTION|>';
const SHAPE: CallShape = { name: ['tool_name'], arguments: ['parameters'] };

/** `<|START_ACTION|>[{"tool_call_id": "0", "tool_name": …, "parameters": {…}}]<|END_ACTION|>`, the format of Command R7B and A. */
export const commandR7b: ToolFormat = {
  name: 'command-r7b',
  matchesTemplate: (source) => source.includes(START),
  grammar(calls, isParallel) {
    const rules = calls.map(
      ({ quotedName, arguments: rule }) =>
        `${literal('{"tool_call_id": "')} [0-9] [0-9]? ${literal(`", "tool_name": ${quotedName}, "parameters": `)} ${rule} ${literal('}')}`,
    );
    const objects = anyOf(rules);
    const more = isParallel ? ` ( ${literal(',\n    ')} ${objects} )*` : '';
    return `${literal(`${START}[\n    `)} ${objects}${more} ${literal(`\n]${END}`)}`;
  },
  *read(scan, calls) {
    yield* readMarkedCalls(scan, calls, {
      markers: [START],
      silent: ['<|START_RESPONSE|>', '<|END_RESPONSE|>'],
      *readAfter() {
        yield* scan.skipSpace();
        if (!(yield* readArray(scan, calls, SHAPE))) return false;
        yield* scan.skipEndMarker(END);
        calls.emitArguments('');
        return true;
      },
    });
  },
};

import type { CallShape } from './calls.ts';
import { anyOf, objectRule, oneOrMore, readMarkedCalls, type ToolFormat } from './tool-format.ts';

const PYTHON = '<|python_tag|>';
const SHAPE: CallShape = { name: ['name', 'function'], arguments: ['parameters', 'arguments'], isUnmarked: true };

/**
 * `{"name": …, "parameters": {…}}`, optionally after `<|python_tag|>`: the format of Llama 3.1 to 3.3. As in llama.cpp, any
 * such object that names an offered tool is a call. Several calls follow each other directly or are separated by `;`.
 */
export const llama3: ToolFormat = {
  name: 'llama3',
  matchesTemplate: (source) =>
    source.includes('<|start_header_id|>') && source.includes('"parameters": dictionary of argument name'),
  grammar: (calls, isParallel) =>
    oneOrMore(anyOf(calls.map((call) => objectRule('name', 'parameters', call))), '; ', isParallel),
  *read(scan, calls) {
    let hasCalled = false;
    yield* readMarkedCalls(scan, calls, {
      markers: ['{', ';', PYTHON],
      *readAfter(marker) {
        if (marker === ';') {
          if (hasCalled) yield* scan.skipSpace();
          if (!hasCalled || (yield* scan.peek()) !== '{') return false;
        } else if (marker === '{') {
          scan.advance(-1);
        } else {
          yield* scan.skipSpace();
        }
        hasCalled = yield* calls.readObject(SHAPE);
        if (hasCalled) calls.complete();
        return hasCalled;
      },
    });
  },
};

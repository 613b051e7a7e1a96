import { isObject } from '@shoal/protocol/json';
import { callId } from './call-id.ts';
import type { AnswerScanner, Reading } from './answer-scanner.ts';
import { readJson, readJsonString } from './read-json.ts';

/** The keys of a call in a JSON object. */
export interface CallShape {
  readonly name: readonly string[];
  readonly arguments: readonly string[];
  /** True if no marker precedes the object. Then it is a call only if it has arguments and no unrelated members. */
  readonly isUnmarked?: boolean | undefined;
}

/** Keys that some models write in addition to name and arguments. */
const ABOUT_CALL: ReadonlySet<string> = new Set(['type', 'id', 'function']);

/** Reads and emits the calls of one answer. */
export class Calls {
  readonly #scan: AnswerScanner;
  readonly #tools: ReadonlySet<string>;
  readonly #isParallel: boolean;
  #index = -1;
  #completed = 0;

  constructor(scan: AnswerScanner, tools: ReadonlySet<string>, isParallel: boolean) {
    this.#scan = scan;
    this.#tools = tools;
    this.#isParallel = isParallel;
  }

  get hasCalled(): boolean {
    return this.#completed > 0;
  }

  /** True if a call was begun but not completed. Its emitted part cannot be withdrawn. */
  get isCut(): boolean {
    return this.#index + 1 > this.#completed;
  }

  /** True after the only allowed call: further text does not belong to the answer. */
  get isOver(): boolean {
    return !this.#isParallel && this.hasCalled;
  }

  isOffered(name: string): boolean {
    return this.#tools.has(name);
  }

  /** Emits the beginning of a call in place of the text up to the current position. */
  begin(name: string): void {
    this.#index++;
    this.#scan.emitCall({ index: this.#index, id: callId(), name, arguments: '' });
  }

  emitArguments(text: string): void {
    this.#scan.emitCall({ index: this.#index, arguments: text });
  }

  /** Ends the call at the current position. */
  complete(): void {
    this.#completed++;
    this.emitArguments('');
  }

  /** Reads a call's arguments, a JSON object. Returns false if it is missing, malformed or cut. */
  *readArguments(name: string): Reading<boolean> {
    if ((yield* this.#scan.peek()) !== '{') return false;
    this.begin(name);
    return (yield* readJson(this.#scan, (text) => this.emitArguments(text))) !== undefined;
  }

  /** Reads a call as a JSON object. Returns false if it is not one; the caller can then emit the rest as text. */
  *readObject(shape: CallShape): Reading<boolean> {
    const found: Found = { hasBegun: false };
    if (!(yield* this.#readMembers(shape, found))) return false;
    if (found.hasBegun) return true;
    const text = argumentsText(found.arguments, shape);
    if (found.name === undefined || text === undefined) return false;
    this.begin(found.name);
    this.emitArguments(text);
    return true;
  }

  *#readMembers(shape: CallShape, found: Found): Reading<boolean> {
    const scan = this.#scan;
    if (!(yield* scan.match('{'))) return false;
    yield* scan.skipSpace();
    if (yield* scan.match('}')) return true;
    for (;;) {
      const key = yield* readJsonString(scan);
      yield* scan.skipSpace();
      if (key === undefined || !(yield* scan.match(':'))) return false;
      yield* scan.skipSpace();
      if (!(yield* this.#readMember(key, shape, found))) return false;
      yield* scan.skipSpace();
      if (yield* scan.match('}')) return true;
      if (!(yield* scan.match(','))) return false;
      yield* scan.skipSpace();
    }
  }

  *#readMember(key: string, shape: CallShape, found: Found): Reading<boolean> {
    const next = yield* this.#scan.peek();
    // Some models write a call in the wrapper object of OpenAI's API.
    if (key === 'function' && next === '{') return yield* this.#readMembers(shape, found);
    if (found.name === undefined && shape.name.includes(key)) {
      found.name = yield* readJsonString(this.#scan);
      return found.name !== undefined && this.isOffered(found.name);
    }
    if (!found.hasBegun && found.arguments === undefined && shape.arguments.includes(key)) {
      if (found.name !== undefined && next === '{') {
        found.hasBegun = true;
        return yield* this.readArguments(found.name);
      }
      found.arguments = yield* readJson(this.#scan);
      return found.arguments !== undefined;
    }
    if (shape.isUnmarked === true && !ABOUT_CALL.has(key)) return false;
    return (yield* readJson(this.#scan)) !== undefined;
  }
}

interface Found {
  name?: string | undefined;
  /** Arguments that precede the name or are not an object. */
  arguments?: string | undefined;
  hasBegun: boolean;
}

/** Returns the arguments as JSON text, or undefined if invalid. Some models write them as a string that contains JSON. */
function argumentsText(text: string | undefined, { isUnmarked = false }: CallShape): string | undefined {
  if (text === undefined || text === 'null') return isUnmarked ? undefined : '{}';
  const value: unknown = JSON.parse(text);
  if (isObject(value)) return text;
  return typeof value === 'string' && isObjectText(value) ? value : undefined;
}

function isObjectText(text: string): boolean {
  try {
    return isObject(JSON.parse(text));
  } catch {
    return false; // any other string is not a call
  }
}

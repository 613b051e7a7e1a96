import { isObject } from '@shoal/protocol';
import { callId } from './call-id.ts';
import type { AnswerScanner, Reading } from './answer-scanner.ts';
import { readJson, readJsonString } from './read-json.ts';

/** Which members of a JSON object are the call. */
export interface CallShape {
  readonly name: readonly string[];
  readonly arguments: readonly string[];
  /**
   * No marker says that the object is a call: one that lacks arguments, or has members that calls do not have, is none.
   */
  readonly isUnmarked?: boolean | undefined;
}

/** The members that some models write about a call beyond name and arguments. */
const ABOUT_CALL: ReadonlySet<string> = new Set(['type', 'id', 'function']);

/** Says the calls of one answer. */
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

  /** One was begun and is not whole: what of it was said cannot be taken back. */
  get isCut(): boolean {
    return this.#index + 1 > this.#completed;
  }

  /** Nothing that still comes is part of the answer. */
  get isOver(): boolean {
    return !this.#isParallel && this.hasCalled;
  }

  isOffered(name: string): boolean {
    return this.#tools.has(name);
  }

  /** Whatever was moved over introduces a call. */
  begin(name: string): void {
    this.#index++;
    this.#scan.emitCall({ index: this.#index, id: callId(), name, arguments: '' });
  }

  emitArguments(text: string): void {
    this.#scan.emitCall({ index: this.#index, arguments: text });
  }

  /** The call is whole, with whatever was moved over as its end. */
  complete(): void {
    this.#completed++;
    this.emitArguments('');
  }

  /** What stands next is the object of a call's arguments. */
  *readArguments(name: string): Reading<boolean> {
    if ((yield* this.#scan.peek()) !== '{') return false;
    this.begin(name);
    return (yield* readJson(this.#scan, (text) => this.emitArguments(text))) !== undefined;
  }

  /** What stands next is an object that is a call. False where it is none; what was not said by then can be given back. */
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
    // Some models write the whole wrapper of OpenAI's API around a call.
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
  /** Arguments that came before the name, or not as an object. */
  arguments?: string | undefined;
  hasBegun: boolean;
}

/** No arguments are none; some models write them as a string that holds the JSON. */
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
    return false; // then it is a string and no call
  }
}

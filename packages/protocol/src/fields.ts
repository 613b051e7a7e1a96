import { ShoalError } from './error.ts';
import { isObject, type JsonObject } from './json.ts';

/**
 * Typed reading of a peer's message. A field that is absent or null is `undefined`; one of the wrong type throws
 * `BAD_MESSAGE` that names it.
 */
export class Fields {
  readonly #object: JsonObject;
  readonly #where: string;

  constructor(object: JsonObject, where: string) {
    this.#object = object;
    this.#where = where;
  }

  has(name: string): boolean {
    return this.#present(name) !== undefined;
  }

  string(name: string): string | undefined {
    return this.#read(name, 'a string', (value) => typeof value === 'string');
  }

  boolean(name: string): boolean | undefined {
    return this.#read(name, 'true or false', (value) => typeof value === 'boolean');
  }

  number(name: string, least: number, most: number): number | undefined {
    return this.#read(
      name,
      `a number from ${least} to ${most}`,
      (value): value is number => typeof value === 'number' && value >= least && value <= most,
    );
  }

  integer(name: string, least: number, most: number): number | undefined {
    return this.#read(
      name,
      `a whole number from ${least} to ${most}`,
      (value): value is number => Number.isInteger(value) && Number(value) >= least && Number(value) <= most,
    );
  }

  strings(name: string, mostItems: number): readonly string[] | undefined {
    return this.#read(
      name,
      `at most ${mostItems} strings`,
      (value): value is string[] =>
        Array.isArray(value) && value.length <= mostItems && value.every((item) => typeof item === 'string'),
    );
  }

  /** Token ids: whole numbers from 0 that fit 31 bits. */
  tokens(name: string): readonly number[] | undefined {
    return this.#read(
      name,
      'a list of token ids',
      (value): value is number[] =>
        Array.isArray(value) && value.every((item) => Number.isInteger(item) && isInt31(item)),
    );
  }

  object(name: string): Fields | undefined {
    const value = this.#read(name, 'an object', isObject);
    return value === undefined ? undefined : new Fields(value, `${this.#where}.${name}`);
  }

  objects(name: string, mostItems: number): readonly Fields[] | undefined {
    const value = this.#read(
      name,
      `at most ${mostItems} objects`,
      (list): list is JsonObject[] => Array.isArray(list) && list.length <= mostItems && list.every(isObject),
    );
    return value?.map((item, index) => new Fields(item, `${this.#where}.${name}[${index}]`));
  }

  required<Value>(name: string, value: Value | undefined): Value {
    if (value === undefined) throw ShoalError.badMessage(`${this.#where} must have "${name}".`);
    return value;
  }

  #present(name: string): unknown {
    const value = Object.hasOwn(this.#object, name) ? this.#object[name] : undefined;
    return value === null ? undefined : value;
  }

  #read<Value>(name: string, expected: string, fits: (value: unknown) => value is Value): Value | undefined {
    const value = this.#present(name);
    if (value === undefined) return undefined;
    if (!fits(value)) throw ShoalError.badMessage(`${this.#where}: "${name}" must be ${expected}.`);
    return value;
  }
}

function isInt31(value: number): boolean {
  return value >= 0 && value <= 0x7fff_ffff;
}

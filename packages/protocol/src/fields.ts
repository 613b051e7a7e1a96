import { ShoalError } from './error.ts';
import { isObject, type JsonObject } from './json.ts';
import { cutName } from './peer-text.ts';

/** The names and checks for the fields of an object and of the objects inside it. */
export interface FieldRules {
  /** Returns the name that a field has in JSON. Default: the same name. */
  readonly jsonName?: ((name: string) => string) | undefined;
  /** True if null has the wrong type, and if `end` rejects fields that were not read. Default: false. */
  readonly isStrict?: boolean | undefined;
  /** Creates the error for a wrong field. Default: `BAD_MESSAGE`. */
  readonly fault?: ((message: string) => ShoalError) | undefined;
}

/**
 * Typed access to the fields of a JSON object. A field that is absent or null is undefined; a field of the wrong type
 * throws `BAD_MESSAGE`, or the error that the rules create.
 */
export class Fields {
  readonly #object: JsonObject;
  readonly #where: string;
  readonly #rules: FieldRules;
  /** Keys and objects that were read. Undefined if the rules are not strict. */
  readonly #seen: { readonly keys: Set<string>; readonly objects: Fields[] } | undefined;

  /** `where` stands before the field's name in error messages. */
  constructor(object: JsonObject, where: string, rules: FieldRules = {}) {
    this.#object = object;
    this.#where = where;
    this.#rules = rules;
    this.#seen = rules.isStrict === true ? { keys: new Set(), objects: [] } : undefined;
  }

  has(name: string): boolean {
    return this.value(name) !== undefined;
  }

  /** Returns the field's value, whatever its type. */
  value(name: string): unknown {
    const key = this.#keyOf(name);
    this.#seen?.keys.add(key);
    const value = Object.hasOwn(this.#object, key) ? this.#object[key] : undefined;
    return value === null && this.#seen === undefined ? undefined : value;
  }

  /** `mostLength` is in UTF-16 units. */
  string(name: string, mostLength = Infinity): string | undefined {
    return this.#typed(
      name,
      mostLength === Infinity ? 'a string' : `a string of at most ${mostLength} characters`,
      (value): value is string => typeof value === 'string' && value.length <= mostLength,
    );
  }

  /** Returns a name that a peer gave, cut if it is too long. */
  peerName(name: string): string | undefined {
    const value = this.string(name);
    return value === undefined ? undefined : cutName(value);
  }

  boolean(name: string): boolean | undefined {
    return this.#typed(name, 'true or false', (value) => typeof value === 'boolean');
  }

  number(name: string, least: number, most: number): number | undefined {
    return this.#typed(
      name,
      `a number from ${least} to ${most}`,
      (value): value is number => typeof value === 'number' && value >= least && value <= most,
    );
  }

  integer(name: string, least: number, most: number): number | undefined {
    return this.#typed(
      name,
      `a whole number from ${least} to ${most}`,
      (value): value is number => Number.isInteger(value) && Number(value) >= least && Number(value) <= most,
    );
  }

  strings(name: string, mostItems: number): readonly string[] | undefined {
    return this.#typed(
      name,
      `at most ${mostItems} strings`,
      (value): value is string[] =>
        Array.isArray(value) && value.length <= mostItems && value.every((item) => typeof item === 'string'),
    );
  }

  /** Token ids: whole numbers from 0 that fit 31 bits. */
  tokens(name: string): readonly number[] | undefined {
    return this.#typed(
      name,
      'a list of token ids',
      (value): value is number[] =>
        Array.isArray(value) && value.every((item) => Number.isInteger(item) && isInt31(item)),
    );
  }

  /** Returns an object that is not read further, such as a JSON Schema. */
  json(name: string): JsonObject | undefined {
    return this.#typed(name, 'an object', isObject);
  }

  object(name: string): Fields | undefined {
    const value = this.json(name);
    return value === undefined ? undefined : this.#child(value, this.#keyOf(name));
  }

  objects(name: string, mostItems: number): readonly Fields[] | undefined {
    const value = this.#typed(
      name,
      `at most ${mostItems} objects`,
      (list): list is JsonObject[] => Array.isArray(list) && list.length <= mostItems && list.every(isObject),
    );
    return value?.map((item, index) => this.#child(item, `${this.#keyOf(name)}[${index}]`));
  }

  required<Value>(name: string, value: Value | undefined): Value {
    if (value === undefined) throw this.fault(`${this.#where} must have "${this.#keyOf(name)}".`);
    return value;
  }

  /** Returns the error for a field that must be something else. `expected` completes "must be …". */
  mustBe(name: string, expected: string): ShoalError {
    return this.fault(`${this.#where}: "${this.#keyOf(name)}" must be ${expected}.`);
  }

  /** Returns the error that the rules create for a wrong field. */
  fault(message: string): ShoalError {
    return this.#rules.fault?.(message) ?? ShoalError.badMessage(message);
  }

  /** Throws if the rules are strict and this object, or one inside it, has a field that was not read. */
  end(): void {
    if (this.#seen === undefined) return;
    const { keys, objects } = this.#seen;
    const unread = Object.keys(this.#object).find((key) => !keys.has(key));
    if (unread !== undefined) throw this.fault(`${this.#where} has an unknown field "${unread}". Remove it.`);
    for (const object of objects) object.end();
  }

  #child(object: JsonObject, name: string): Fields {
    const child = new Fields(object, `${this.#where}.${name}`, this.#rules);
    this.#seen?.objects.push(child);
    return child;
  }

  #typed<Value>(name: string, expected: string, fits: (value: unknown) => value is Value): Value | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    if (!fits(value)) throw this.mustBe(name, expected);
    return value;
  }

  #keyOf(name: string): string {
    return this.#rules.jsonName?.(name) ?? name;
  }
}

function isInt31(value: number): boolean {
  return value >= 0 && value <= 0x7fff_ffff;
}

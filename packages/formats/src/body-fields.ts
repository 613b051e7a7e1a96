import { isObject, type JsonObject } from '@shoal/protocol/json';
import { ShoalError } from '@shoal/protocol/error';

/**
 * Strict reading of a request body, or of an object in it. A null field counts as absent. A field that was not read when
 * `end` is called is an error, because it may ask for something that is not supported. `lenient` accepts such fields, in
 * inner objects too. Every method throws `INVALID_REQUEST` that names the field.
 */
export class BodyFields {
  readonly #values: ReadonlyMap<string, unknown>;
  readonly #unread: Set<string>;
  readonly #where: string;
  readonly #isLenient: boolean;

  /** `where` precedes the field's name in an error, such as `body.`; `name` is the object's own name there. */
  constructor(value: unknown, where: string, name = `"${where.slice(0, -1)}"`, isLenient = false) {
    if (!isObject(value)) throw ShoalError.invalidRequest(`${name} must be a JSON object.`);
    this.#values = new Map(Object.entries(value).filter(([, field]) => field !== null));
    this.#unread = new Set(this.#values.keys());
    this.#where = where;
    this.#isLenient = isLenient;
  }

  /** For the body of a request to an HTTP API: clients send fields of other servers and of later versions. */
  static lenient(body: unknown): BodyFields {
    return new BodyFields(body, '', 'The body', true);
  }

  /** The field's name in an error. */
  name(field: string): string {
    return `${this.#where}${field}`;
  }

  read(field: string): unknown {
    this.#unread.delete(field);
    return this.#values.get(field);
  }

  ignore(field: string): void {
    this.#unread.delete(field);
  }

  required<Value>(field: string, value: Value | undefined): Value {
    if (value === undefined) throw ShoalError.invalidRequest(`"${this.name(field)}" is missing.`);
    return value;
  }

  string(field: string, shortest = 0, longest = Infinity): string | undefined {
    const expected = longest === Infinity ? 'a text' : `a text of ${shortest} to ${longest} characters`;
    return this.#read(
      field,
      expected,
      (value): value is string => typeof value === 'string' && value.length >= shortest && value.length <= longest,
    );
  }

  boolean(field: string): boolean | undefined {
    return this.#read(field, 'true or false', (value) => typeof value === 'boolean');
  }

  number(field: string, least: number, most: number): number | undefined {
    return this.#read(
      field,
      `a number from ${least} to ${most}`,
      (value): value is number => typeof value === 'number' && value >= least && value <= most,
    );
  }

  integer(field: string, least: number, most: number): number | undefined {
    return this.#read(
      field,
      `a whole number from ${least} to ${most}`,
      (value): value is number => Number.isInteger(value) && Number(value) >= least && Number(value) <= most,
    );
  }

  /** An object that is passed on as it is, such as a JSON Schema. */
  json(field: string): JsonObject | undefined {
    return this.#read(field, 'a JSON object', isObject);
  }

  object(field: string): BodyFields | undefined {
    const value = this.read(field);
    return value === undefined ? undefined : this.#inner(value, this.name(field));
  }

  objects(field: string, fewest: number, most: number): readonly BodyFields[] | undefined {
    const items = this.#read(
      field,
      `a list of ${fewest} to ${most}`,
      (value): value is unknown[] => Array.isArray(value) && value.length >= fewest && value.length <= most,
    );
    return items?.map((item, index) => this.#inner(item, `${this.name(field)}[${index}]`));
  }

  /** Reads a field that may only have one of these values, none of which changes anything. */
  only(field: string, allowed: readonly unknown[]): void {
    const value = this.read(field);
    if (value === undefined) return;
    const values = allowed.map((one) => JSON.stringify(one));
    if (values.includes(JSON.stringify(value))) return;
    // An empty list, object or text is accepted, but is not worth recommending.
    const isShort = allowed.length > 0 && allowed.every((one) => typeof one !== 'object' && one !== '');
    const what = isShort ? `must be ${values.join(' or ')}, or left out` : 'is not supported; leave it out';
    throw ShoalError.invalidRequest(`"${this.name(field)}" ${what}.`);
  }

  /** Throws if the object has a field that was not read and unknown fields are not accepted. */
  end(): void {
    if (this.#isLenient) return;
    const [field] = this.#unread;
    if (field !== undefined) throw ShoalError.invalidRequest(`"${this.name(field)}" is not supported; leave it out.`);
  }

  #inner(value: unknown, name: string): BodyFields {
    return new BodyFields(value, `${name}.`, undefined, this.#isLenient);
  }

  #read<Value>(field: string, expected: string, fits: (value: unknown) => value is Value): Value | undefined {
    const value = this.read(field);
    if (value === undefined || fits(value)) return value;
    throw ShoalError.invalidRequest(`"${this.name(field)}" must be ${expected}.`);
  }
}

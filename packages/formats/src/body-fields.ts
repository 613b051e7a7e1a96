import { isObject, ShoalError } from '@shoal/protocol';

/**
 * Typed reading of one object of a batch file. What is null counts as absent; what was not read by `end` is a mistake,
 * because it may mean something that is not done here. Every method throws `INVALID_REQUEST` that names the field.
 */
export class LineFields {
  readonly #values: ReadonlyMap<string, unknown>;
  readonly #unread: Set<string>;
  readonly #where: string;

  /** `where` is what stands before the field's name in an error, such as `body.`. */
  constructor(value: unknown, where: string) {
    if (!isObject(value)) {
      throw ShoalError.invalidRequest(
        `${where === '' ? 'The line' : `"${where.slice(0, -1)}"`} must be a JSON object.`,
      );
    }
    this.#values = new Map(Object.entries(value).filter(([, field]) => field !== null));
    this.#unread = new Set(this.#values.keys());
    this.#where = where;
  }

  /** How an error calls a field. */
  name(field: string): string {
    return `${this.#where}${field}`;
  }

  take(field: string): unknown {
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

  object(field: string): LineFields | undefined {
    const value = this.take(field);
    return value === undefined ? undefined : new LineFields(value, `${this.name(field)}.`);
  }

  objects(field: string, fewest: number, most: number): readonly LineFields[] | undefined {
    const items = this.#read(
      field,
      `a list of ${fewest} to ${most}`,
      (value): value is unknown[] => Array.isArray(value) && value.length >= fewest && value.length <= most,
    );
    return items?.map((item, index) => new LineFields(item, `${this.name(field)}[${index}].`));
  }

  /** Takes a field that changes nothing as long as it says one of these. */
  only(field: string, allowed: readonly unknown[]): void {
    const value = this.take(field);
    if (value === undefined) return;
    const words = allowed.map((one) => JSON.stringify(one));
    if (words.includes(JSON.stringify(value))) return;
    // Nobody needs to write an empty list.
    const isWorthSaying = allowed.every((one) => typeof one !== 'object');
    const what = isWorthSaying ? `must be ${words.join(' or ')}, or left out` : 'is not supported; leave it out';
    throw ShoalError.invalidRequest(`"${this.name(field)}" ${what}.`);
  }

  /** Nothing else may be there. */
  end(): void {
    const [field] = this.#unread;
    if (field !== undefined) throw ShoalError.invalidRequest(`"${this.name(field)}" is not supported; leave it out.`);
  }

  #read<Value>(field: string, expected: string, fits: (value: unknown) => value is Value): Value | undefined {
    const value = this.take(field);
    if (value === undefined || fits(value)) return value;
    throw ShoalError.invalidRequest(`"${this.name(field)}" must be ${expected}.`);
  }
}

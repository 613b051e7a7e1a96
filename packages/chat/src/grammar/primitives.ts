/** As in llama.cpp. Without the limit a model can generate spaces forever. */
export const SPACE = String.raw`| " " | "\n"{1,2} [ \t]{0,20}`;

interface Rule {
  readonly body: string;
  readonly needs: readonly Primitive[];
}

export type Primitive =
  | 'array'
  | 'boolean'
  | 'char'
  | 'decimal-part'
  | 'integer'
  | 'integral-part'
  | 'null'
  | 'number'
  | 'object'
  | 'string'
  | 'value';

/** JSON in GBNF, from llama.cpp's json-schema-to-grammar.cpp (MIT). A number has at most 16 digits on each side of the point. */
export const PRIMITIVES: Readonly<Record<Primitive, Rule>> = {
  array: { body: String.raw`"[" space ( value ("," space value)* )? space "]"`, needs: ['value'] },
  boolean: { body: '"true" | "false"', needs: [] },
  char: { body: String.raw`[^"\\\x7F\x00-\x1F] | [\\] (["\\bfnrt] | "u" [0-9a-fA-F]{4})`, needs: [] },
  'decimal-part': { body: '[0-9]{1,16}', needs: [] },
  integer: { body: '"-"? integral-part', needs: ['integral-part'] },
  'integral-part': { body: '[0] | [1-9] [0-9]{0,15}', needs: [] },
  null: { body: '"null"', needs: [] },
  number: {
    body: '"-"? integral-part ("." decimal-part)? ([eE] [-+]? integral-part)?',
    needs: ['integral-part', 'decimal-part'],
  },
  object: {
    body: String.raw`"{" space ( string ":" space value ("," space string ":" space value)* )? space "}"`,
    needs: ['string', 'value'],
  },
  string: { body: String.raw`"\"" char* "\""`, needs: ['char'] },
  value: {
    body: 'object | array | string | number | boolean | null',
    needs: ['object', 'array', 'string', 'number', 'boolean', 'null'],
  },
};

/** A text as GBNF quotes it (`parse_char` in llama-grammar.cpp). */
export function literal(text: string): string {
  return `"${text.replace(/["\\\n\r\t]/g, escape)}"`;
}

/** The text of a JSON value, as GBNF quotes it. */
export function jsonLiteral(value: unknown): string {
  return literal(JSON.stringify(value));
}

function escape(char: string): string {
  switch (char) {
    case '\n':
      return String.raw`\n`;
    case '\r':
      return String.raw`\r`;
    case '\t':
      return String.raw`\t`;
    default:
      return `\\${char}`;
  }
}

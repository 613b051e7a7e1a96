/** Returns a text as a GBNF literal (`parse_char` in llama-grammar.cpp). */
export function literal(text: string): string {
  return `"${text.replace(/["\\\n\r\t]/g, escape)}"`;
}

/** Returns a JSON value as a GBNF literal. */
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

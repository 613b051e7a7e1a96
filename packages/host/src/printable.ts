/** Control characters: C0 without tab and newline, delete, C1. An escape sequence without its first character is text. */
// oxlint-disable-next-line no-control-regex -- control characters are removed
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** Characters that break a line or change the direction of the text after them. */
const BREAKS_AND_DIRECTIONS = /[\t\n\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** Returns an untrusted text for a terminal: without control characters, except newlines and tabs. */
export function printableText(text: string): string {
  return text.replace(CONTROLS, '');
}

/** Returns an untrusted name for one line of a terminal. */
export function printableName(name: string): string {
  return printableText(name).replace(BREAKS_AND_DIRECTIONS, ' ');
}

/** The longest name of a node, a model or a token. */
export const NAME_CHARACTERS = 64;

/** True for 1 to `NAME_CHARACTERS` printable characters. */
export function isName(text: string): boolean {
  return text.trim().length > 0 && text.length <= NAME_CHARACTERS && printableName(text) === text;
}

/**
 * Characters that do more to a terminal than to be shown: C0 without tab and newline, delete and C1; line and paragraph
 * separators; marks, embeddings, overrides and isolates of the writing direction. An escape sequence without its first
 * character is text. Joiners and variation selectors stay, because emoji and scripts need them.
 */
// oxlint-disable-next-line no-control-regex -- control characters are removed
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

const BREAKS = /[\t\n]/g;

/**
 * Returns an untrusted text for a terminal: without control characters, except newlines and tabs, and without those that change
 * the writing direction.
 */
export function printableText(text: string): string {
  return text.replace(CONTROLS, '');
}

/** Returns an untrusted name for one line of a terminal. */
export function printableName(name: string): string {
  return printableText(name).replace(BREAKS, ' ');
}

/** The longest name of a node, a model or a token. */
export const NAME_CHARACTERS = 64;

/** True for 1 to `NAME_CHARACTERS` printable characters. */
export function isName(text: string): boolean {
  return text.trim().length > 0 && text.length <= NAME_CHARACTERS && printableName(text) === text;
}

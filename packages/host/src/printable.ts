/** Control characters: C0 without tab and newline, delete, C1. An escape sequence without its first character is text. */
// oxlint-disable-next-line no-control-regex
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** What breaks a line or turns the direction of the text behind it. */
const BREAKS_AND_TURNS = /[\t\n\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** A text from elsewhere as it may be shown on a terminal: lines and tabs stay, control sequences do not work. */
export function printableText(text: string): string {
  return text.replace(CONTROLS, '');
}

/** A name from elsewhere as it may be shown within a line. */
export function printableName(name: string): string {
  return printableText(name).replace(BREAKS_AND_TURNS, ' ');
}

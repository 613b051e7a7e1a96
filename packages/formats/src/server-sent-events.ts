/** The header `Content-Type` of a stream. */
export const EVENT_STREAM = 'text/event-stream; charset=utf-8';
export const KEEP_ALIVE = ': keep-alive\n\n';
export const DONE = 'data: [DONE]\n\n';
/** Precedes the JSON of an event. */
export const DATA = 'data: ';
/** Follows the JSON of an event, or a comment. */
export const END = '\n\n';

/** UTF-16 units of a worker's name in a comment. */
const MAX_NAME_LENGTH = 200;
/** Some clients split lines at these characters, which JSON allows in a string. */
const LINE_END = /[\u0085\u2028\u2029]/;
const LINE_ENDS = new RegExp(LINE_END, 'g');
// oxlint-disable-next-line no-control-regex -- control characters are what is searched for
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g;

/** Returns JSON that every client takes for one line. */
export function lineOf(value: unknown): string {
  const json = JSON.stringify(value);
  // Such characters are rare, and the test is faster than the replacement.
  return LINE_END.test(json) ? json.replace(LINE_ENDS, escaped) : json;
}

export function writeData(value: object): string {
  return `${DATA}${lineOf(value)}${END}`;
}

/** Returns a comment, which clients skip, that another worker continues the answer. */
export function writeMoved(worker: string): string {
  return `: the answer continues on ${worker.replace(CONTROLS, ' ').slice(0, MAX_NAME_LENGTH)}${END}`;
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

import { errorAnswer } from '../api/schemas.ts';
import { CONTROL_CALLS, type ControlCall } from '../http/control-calls.ts';

/** Checks the answer to a call of the control API against the schemas of its document. Throws if it does not fit. */
export function checkAnswer(method: string, url: string, status: number | undefined, text: string): void {
  const path = url.split('?', 1)[0];
  const call = Object.values<ControlCall>(CONTROL_CALLS).find((each) => each.method === method && each.path === path);
  if (status !== 200 && !isErrorLine(text)) errorAnswer.parse(JSON.parse(text));
  else if (call === undefined)
    throw new Error(`${method} ${url} is not in the document, and is answered with ${status}.`);
  else if (call.isStream === true) for (const line of jsonLines(text)) call.answer.parse(line);
  else call.answer.parse(JSON.parse(text));
}

export function jsonLines(text: string): readonly unknown[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
}

/** A prompt that fails before its first line is answered with a line that is an error, and with its status. */
function isErrorLine(text: string): boolean {
  return text.startsWith('{"type":"error"');
}

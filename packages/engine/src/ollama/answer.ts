import { type Finish, type FinishReason, type InferenceEvent, ndjsonFramer, ShoalError } from '@shoal/protocol';
import { failures, refused } from './errors.ts';
import { countIn, type JsonObject, objectIn, parseObject, textIn } from './json.ts';
import type { Reply } from './server.ts';

/** The last line of `api/generate` lists every token of prompt and answer: some 7 bytes each for a million of them. */
const MAX_LINE_BYTES = 8 * 1024 * 1024;
const STATUS_OF_ERROR_LINES = 500;
const REASONS: ReadonlyMap<string, FinishReason> = new Map([
  ['stop', 'stop'],
  ['length', 'length'],
]);

/** The lines of an answer as events, up to its end. Throws `GENERATION_FAILED` where the end is missing. */
export async function* readAnswer(body: Reply['body'], model: string): AsyncGenerator<InferenceEvent, undefined> {
  for await (const line of readLines(body)) {
    const error = textIn(line, 'error');
    if (error !== undefined) throw refused(STATUS_OF_ERROR_LINES, error, model);
    // What a model thinks comes in `thinking`: it is no part of the answer.
    const text = textIn(line, 'response') ?? textIn(objectIn(line, 'message'), 'content');
    if (text !== undefined) yield { type: 'text', text, tokens: [] };
    if (line['done'] === true) return yield finish(line, model);
  }
  // Ollama does this, too, to a model that says the same more than thirty times on end.
  throw failures.brokenOff('The stream ended without a line that is done.');
}

async function* readLines(body: Reply['body']): AsyncGenerator<JsonObject> {
  const framer = ndjsonFramer(MAX_LINE_BYTES);
  for await (const bytes of body) {
    const lines: (JsonObject | undefined)[] = [];
    const fault = framer.push(bytes, (line) => void lines.push(parseObject(line)));
    for (const object of lines) {
      if (object === undefined) throw failures.unreadable('A line is no JSON object.');
      yield object;
    }
    if (fault !== undefined) throw failures.unreadable(fault);
  }
}

/** Counts of zero are left out by Ollama, and by older versions that of a prompt which was still in memory. */
function finish(line: JsonObject, model: string): Finish {
  const rawReason = textIn(line, 'done_reason') ?? 'none';
  const reason = REASONS.get(rawReason);
  if (reason === undefined) {
    throw ShoalError.generationFailed('Ollama ended without an answer.', `Its reason: ${rawReason}`);
  }
  const promptTokens = countIn(line, 'prompt_eval_count');
  const completionTokens = countIn(line, 'eval_count') ?? 0;
  return {
    type: 'finish',
    reason,
    rawReason,
    ...(promptTokens !== undefined && { usage: { promptTokens, completionTokens } }),
    model,
  };
}

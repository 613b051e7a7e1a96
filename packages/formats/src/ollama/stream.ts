import {
  type ChosenLogprob,
  type Finish,
  type FinishReason,
  type InferenceEvent,
  isObject,
  type JsonObject,
  ndjsonFramer,
  ShoalError,
} from '@shoal/protocol';
import { countIn, objectIn, objectsIn, parseObject, textIn } from '../http/json.ts';
import { readLogprobs } from '../http/logprobs.ts';
import type { Reply } from '../http/server.ts';
import { newCallId } from '../http/tools.ts';
import { failures, refused } from './errors.ts';

/** The last line of `api/generate` lists every token of prompt and answer: some 7 bytes each for a million of them. */
const MAX_LINE_BYTES = 8 * 1024 * 1024;
/** Tokens whose text is held back: with a tool call, which is parsed as a whole, they may be many. */
const MAX_HELD_LOGPROBS = 64 * 1024;
const STATUS_OF_ERROR_LINES = 500;
const REASONS: ReadonlyMap<string, FinishReason> = new Map([
  ['stop', 'stop'],
  ['length', 'length'],
]);

export interface AnswerWanted {
  readonly model: string;
  /** So many of the likeliest tokens beside each; absent: no log probabilities. */
  readonly logprobs: number | undefined;
}

/** The lines of an answer as events, up to its end. Throws `GENERATION_FAILED` where the end is missing. */
export async function* readAnswer(
  body: Reply['body'],
  wanted: AnswerWanted,
): AsyncGenerator<InferenceEvent, undefined> {
  const reader = new AnswerReader(wanted);
  for await (const line of readLines(body)) {
    const error = textIn(line, 'error');
    if (error !== undefined) throw refused(STATUS_OF_ERROR_LINES, error, wanted.model);
    yield* reader.read(line);
    if (line['done'] === true) return yield reader.finish(line);
  }
  // Ollama does this, too, to a model that says the same more than thirty times on end.
  throw failures.brokenOff('The stream ended without a line that is done.');
}

/** What a line says, given what the lines before it said. */
class AnswerReader {
  readonly #wanted: AnswerWanted;
  /** Of tokens whose text is still held back. */
  #logprobs: ChosenLogprob[] = [];
  #calls = 0;
  #hasText = false;
  #hasLogprobs = false;

  constructor(wanted: AnswerWanted) {
    this.#wanted = wanted;
  }

  *read(line: JsonObject): Generator<InferenceEvent, undefined> {
    const message = objectIn(line, 'message');
    this.#readLogprobs(line);
    // What a model thinks comes in `thinking`: it is no part of the answer, nor are its tokens.
    const thought = textIn(line, 'thinking') ?? textIn(message, 'thinking');
    if (thought !== undefined) this.#logprobs = [];
    const text = textIn(line, 'response') ?? textIn(message, 'content');
    if (text !== undefined) {
      const logprobs = this.#logprobs.splice(0);
      this.#hasText = true;
      this.#hasLogprobs ||= logprobs.length > 0;
      yield { type: 'text', text, tokens: [], ...(logprobs.length > 0 && { logprobs }) };
    }
    for (const call of objectsIn(message, 'tool_calls')) {
      this.#logprobs = [];
      yield this.#toolCall(call);
    }
  }

  finish(line: JsonObject): Finish {
    if (this.#wanted.logprobs !== undefined && this.#hasText && !this.#hasLogprobs) throw failures.noLogprobs();
    const end = readFinish(line, this.#wanted.model);
    return this.#calls > 0 && end.reason === 'stop' ? { ...end, reason: 'tool_calls' } : end;
  }

  #readLogprobs(line: JsonObject): void {
    const { logprobs: top } = this.#wanted;
    if (top === undefined) return;
    this.#logprobs.push(...readLogprobs(objectsIn(line, 'logprobs'), top));
    if (this.#logprobs.length <= MAX_HELD_LOGPROBS) return;
    throw failures.unreadable(`There are more than ${MAX_HELD_LOGPROBS} tokens without a text.`);
  }

  /** Each comes whole; older versions give no id. Throws where its arguments are no object. */
  #toolCall(call: JsonObject): InferenceEvent {
    const asked = objectIn(call, 'function');
    const name = textIn(asked, 'name');
    if (name === undefined) throw failures.unreadable('A tool call names no tool.');
    const given = asked?.['arguments'] ?? {};
    if (!isObject(given)) throw failures.unreadable('The arguments of a tool call are no object.');
    return {
      type: 'tool_call',
      index: this.#calls++,
      id: textIn(call, 'id') ?? newCallId(),
      name,
      arguments: JSON.stringify(given),
      tokens: [],
    };
  }
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
function readFinish(line: JsonObject, model: string): Finish {
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

import {
  type SampledLogprob,
  type FinishEvent,
  type FinishReason,
  type InferenceEvent,
  ndjsonFramer,
} from '@shoal/protocol';
import { isObject, type JsonObject } from '@shoal/protocol/json';
import { ShoalError } from '@shoal/protocol/error';
import { countIn, objectIn, objectsIn, parseObject, textIn } from '../json.ts';
import { readLogprobs } from '../openai/logprobs.ts';
import { failures, readError } from './errors.ts';

/** The last line of `api/generate` lists every token of prompt and answer: about 7 bytes each, for up to a million. */
const MAX_LINE_BYTES = 8 * 1024 * 1024;
/** Tokens whose text is not received yet: a tool call, which is parsed as a whole, may have many. */
const MAX_HELD_LOGPROBS = 64 * 1024;
const STATUS_OF_ERROR_LINES = 500;
const REASONS: ReadonlyMap<string, FinishReason> = new Map([
  ['stop', 'stop'],
  ['length', 'length'],
]);

export interface StreamOptions {
  readonly model: string;
  /** The number of likeliest tokens beside each one. Undefined: no log probabilities. */
  readonly logprobs: number | undefined;
  /** True: `thinking` becomes reasoning events. Otherwise it is dropped. */
  readonly reasoning?: boolean | undefined;
  /** Makes an id for a tool call that has none. */
  readonly newCallId: () => string;
}

/** Reads a streamed answer to its end. Throws `GENERATION_FAILED` if the end is missing. */
export async function* readStream(
  body: AsyncIterable<Uint8Array>,
  options: StreamOptions,
): AsyncGenerator<InferenceEvent, undefined> {
  const reader = new LineReader(options);
  for await (const line of readLines(body)) {
    const error = textIn(line, 'error');
    if (error !== undefined) throw readError(STATUS_OF_ERROR_LINES, error, options.model);
    yield* reader.read(line);
    if (line['done'] === true) return yield reader.finish(line);
  }
  // Ollama also ends the stream like this if a model repeats the same more than thirty times.
  throw failures.brokenOff('The stream ended without a line that is done.');
}

/** Turns the lines of one answer into events. */
class LineReader {
  readonly #options: StreamOptions;
  /** Of tokens whose text is not received yet. */
  #logprobs: SampledLogprob[] = [];
  #calls = 0;
  #hasText = false;
  #hasLogprobs = false;

  constructor(options: StreamOptions) {
    this.#options = options;
  }

  *read(line: JsonObject): Generator<InferenceEvent, undefined> {
    const message = objectIn(line, 'message');
    this.#readLogprobs(line);
    // `thinking` and its tokens are not part of the text.
    const thinking = textIn(line, 'thinking') ?? textIn(message, 'thinking');
    if (thinking !== undefined) {
      this.#logprobs = [];
      if (this.#options.reasoning === true) yield { type: 'reasoning', text: thinking, tokens: [] };
    }
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

  finish(line: JsonObject): FinishEvent {
    if (this.#options.logprobs !== undefined && this.#hasText && !this.#hasLogprobs) throw failures.noLogprobs();
    const end = readFinish(line, this.#options.model);
    return this.#calls > 0 && end.reason === 'stop' ? { ...end, reason: 'tool_calls' } : end;
  }

  #readLogprobs(line: JsonObject): void {
    const { logprobs: top } = this.#options;
    if (top === undefined) return;
    this.#logprobs.push(...readLogprobs(objectsIn(line, 'logprobs'), top));
    if (this.#logprobs.length <= MAX_HELD_LOGPROBS) return;
    throw failures.unreadable(`There are more than ${MAX_HELD_LOGPROBS} tokens without a text.`);
  }

  /** Each call is received whole; older versions send no id. Throws if its arguments are not an object. */
  #toolCall(call: JsonObject): InferenceEvent {
    const called = objectIn(call, 'function');
    const name = textIn(called, 'name');
    if (name === undefined) throw failures.unreadable('A tool call has no name.');
    const given = called?.['arguments'] ?? {};
    if (!isObject(given)) throw failures.unreadable('The arguments of a tool call are not an object.');
    return {
      type: 'tool_call',
      index: this.#calls++,
      id: textIn(call, 'id') ?? this.#options.newCallId(),
      name,
      arguments: JSON.stringify(given),
      tokens: [],
    };
  }
}

async function* readLines(body: AsyncIterable<Uint8Array>): AsyncGenerator<JsonObject> {
  const framer = ndjsonFramer(MAX_LINE_BYTES);
  const decoder = new TextDecoder();
  for await (const bytes of body) {
    const lines: (JsonObject | undefined)[] = [];
    const fault = framer.push(bytes, (line) => void lines.push(parseObject(decoder.decode(line))));
    for (const object of lines) {
      if (object === undefined) throw failures.unreadable('A line is not a JSON object.');
      yield object;
    }
    if (fault !== undefined) throw failures.unreadable(fault);
  }
}

/** Ollama omits counts of zero; older versions also omit that of a prompt that was still in memory. */
function readFinish(line: JsonObject, model: string): FinishEvent {
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

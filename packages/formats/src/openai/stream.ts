import type {
  ChosenLogprob,
  Finish,
  FinishReason,
  InferenceEvent,
  InferenceRequest,
  JsonObject,
  Usage,
} from '@shoal/protocol';
import { countIn, objectIn, objectsIn, parseObject, textIn } from '../http/json.ts';
import type { Reply } from '../http/server.ts';
import { errorIn, failures } from './errors.ts';
import { EventStream } from '../http/event-stream.ts';
import { logprobsIn } from './logprobs.ts';
import { ToolCalls } from './tool-calls.ts';

const DONE = '[DONE]';
/** The reasons that are an end, and no failure. */
const REASONS: ReadonlyMap<string, FinishReason> = new Map([
  ['stop', 'stop'],
  ['length', 'length'],
  ['tool_calls', 'tool_calls'],
]);
const FILTERED = 'content_filter';

/** A streamed answer as events, up to its end. Throws `GENERATION_FAILED` where the end is missing. */
export async function* readAnswer(
  body: Reply['body'],
  request: InferenceRequest,
  model: string,
): AsyncGenerator<InferenceEvent, undefined> {
  const reader = new AnswerReader(request, model);
  for await (const data of readEvents(body)) {
    if (data === DONE) return yield* reader.end(DONE);
    const chunk = parseObject(Buffer.from(data));
    if (chunk === undefined) throw failures.unreadable('An event is no JSON object.');
    yield* reader.read(chunk);
  }
  yield* reader.end(undefined);
}

async function* readEvents(body: Reply['body']): AsyncGenerator<string> {
  const stream = new EventStream();
  for await (const bytes of body) {
    const events: string[] = [];
    const fault = stream.push(bytes, (data) => void events.push(data));
    yield* events;
    if (fault !== undefined) throw failures.unreadable(fault);
  }
}

/** What a chunk says, given what the chunks before it said. */
class AnswerReader {
  readonly #request: InferenceRequest;
  readonly #model: string;
  readonly #calls = new ToolCalls();
  #usage: Usage | undefined;
  #rawReason: string | undefined;
  #hasText = false;
  #hasLogprobs = false;

  constructor(request: InferenceRequest, model: string) {
    this.#request = request;
    this.#model = model;
  }

  *read(chunk: JsonObject): Generator<InferenceEvent, undefined> {
    const error = errorIn(chunk);
    if (error !== undefined) throw error;
    this.#usage = usageIn(objectIn(chunk, 'usage')) ?? this.#usage;
    // There is one choice: more are never asked for. The chunk of the usage has none.
    const [choice] = objectsIn(chunk, 'choices');
    if (choice === undefined) return;
    const delta = objectIn(choice, 'delta');
    // What a model thinks comes in `reasoning_content`: it is no part of the answer.
    const text = textIn(delta, 'content') ?? textIn(choice, 'text');
    if (text !== undefined) yield this.#text(text, choice);
    for (const piece of objectsIn(delta, 'tool_calls')) {
      const event = this.#calls.read(piece);
      if (event !== undefined) yield event;
    }
    this.#rawReason = textIn(choice, 'finish_reason') ?? this.#rawReason;
  }

  /** Throws where neither a reason nor `[DONE]` says that this is the end. */
  *end(mark: string | undefined): Generator<InferenceEvent, undefined> {
    const rawReason = this.#rawReason ?? mark;
    if (rawReason === undefined) throw failures.brokenOff('The stream ended without a reason or [DONE].');
    const reason = this.#reasonOf(rawReason);
    yield* this.#calls.end();
    yield this.#finish(reason, rawReason);
  }

  #text(text: string, choice: JsonObject): InferenceEvent {
    const { logprobs: top } = this.#request;
    const logprobs = top === undefined ? [] : logprobsIn(choice, top);
    this.#hasText = true;
    this.#hasLogprobs ||= logprobs.length > 0;
    return { type: 'text', text, tokens: knownIds(logprobs), ...(logprobs.length > 0 && { logprobs }) };
  }

  /** A tool that had to be called and was is a `stop` to some; one that was not is a failure. */
  #reasonOf(rawReason: string): FinishReason {
    if (rawReason === FILTERED) throw failures.filtered();
    const reason = rawReason === DONE ? 'stop' : REASONS.get(rawReason);
    if (reason === undefined) throw failures.unreadable(`The reason of the end is "${rawReason}".`);
    const { toolChoice = 'auto', logprobs } = this.#request;
    if (logprobs !== undefined && this.#hasText && !this.#hasLogprobs) throw failures.noLogprobs();
    if (this.#calls.count > 0) return reason === 'length' ? 'length' : 'tool_calls';
    if (reason !== 'length' && toolChoice !== 'auto' && toolChoice !== 'none') throw failures.noToolCall();
    return reason === 'tool_calls' ? 'stop' : reason;
  }

  #finish(reason: FinishReason, rawReason: string): Finish {
    const usage = this.#usage;
    return { type: 'finish', reason, rawReason, usage, model: this.#model };
  }
}

/** The ids of tokens are told with their log probabilities, if at all. */
function knownIds(logprobs: readonly ChosenLogprob[]): readonly number[] {
  const ids = logprobs.flatMap(({ token }) => token ?? []);
  return ids.length === logprobs.length ? ids : [];
}

function usageIn(usage: JsonObject | undefined): Usage | undefined {
  const promptTokens = countIn(usage, 'prompt_tokens');
  const completionTokens = countIn(usage, 'completion_tokens');
  if (promptTokens === undefined || completionTokens === undefined) return undefined;
  const cachedTokens = countIn(objectIn(usage, 'prompt_tokens_details'), 'cached_tokens');
  return { promptTokens, cachedTokens, completionTokens };
}

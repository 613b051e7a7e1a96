import type { SampledLogprob, FinishEvent, FinishReason, InferenceEvent, Usage } from '@shoal/protocol';
import type { InferenceRequest } from '@shoal/protocol/request';
import type { JsonObject } from '@shoal/protocol/json';
import type { ShoalError } from '@shoal/protocol/error';
import { EventStream } from '../event-stream.ts';
import { countIn, objectIn, objectsIn, parseObject, textIn } from '../json.ts';
import { failures, readStreamError } from './errors.ts';
import { readChoiceLogprobs } from './logprobs.ts';
import { ToolCallReader } from './tool-calls.ts';

const DONE = '[DONE]';
/** The reasons that are an end, and no failure. */
const REASONS: ReadonlyMap<string, FinishReason> = new Map([
  ['stop', 'stop'],
  ['length', 'length'],
  ['tool_calls', 'tool_calls'],
]);
const FILTERED = 'content_filter';

/** The errors of a stream that differ between servers. */
export interface StreamFailures {
  /** The error that a chunk reports; undefined if it reports none. */
  readonly reportedBy: (chunk: JsonObject) => ShoalError | undefined;
  /** The stream ended too early. */
  readonly brokenOff: (cause: unknown) => ShoalError;
  readonly unreadable: (cause: unknown) => ShoalError;
}

export interface StreamOptions {
  readonly model: string;
  readonly request: Pick<InferenceRequest, 'logprobs' | 'toolChoice' | 'reasoning'>;
  /** Makes an id for a tool call that has none. */
  readonly newCallId: () => string;
  readonly failures?: StreamFailures | undefined;
}

/** Reads a streamed answer to its end. Throws `GENERATION_FAILED` if the end is missing. */
export async function* readStream(
  body: AsyncIterable<Uint8Array>,
  options: StreamOptions,
): AsyncGenerator<InferenceEvent, undefined> {
  const reader = new ChunkReader(options);
  for await (const data of readEvents(body, reader.failures)) {
    if (data === DONE) return yield* reader.end(DONE);
    const chunk = parseObject(data);
    if (chunk === undefined) throw reader.failures.unreadable('An event is not a JSON object.');
    yield* reader.read(chunk);
  }
  yield* reader.end(undefined);
}

async function* readEvents(body: AsyncIterable<Uint8Array>, { unreadable }: StreamFailures): AsyncGenerator<string> {
  const stream = new EventStream();
  for await (const bytes of body) {
    const events: string[] = [];
    const fault = stream.push(bytes, (data) => void events.push(data));
    yield* events;
    if (fault !== undefined) throw unreadable(fault);
  }
}

/** Turns the chunks of one answer into events. */
class ChunkReader {
  readonly failures: StreamFailures;
  readonly #request: StreamOptions['request'];
  readonly #model: string;
  readonly #calls: ToolCallReader;
  #usage: Usage | undefined;
  #rawReason: string | undefined;
  #hasText = false;
  #hasLogprobs = false;

  constructor({ request, model, newCallId, failures: own }: StreamOptions) {
    this.failures = own ?? { ...failures, reportedBy: readStreamError };
    this.#request = request;
    this.#model = model;
    this.#calls = new ToolCallReader(newCallId, this.failures.unreadable);
  }

  *read(chunk: JsonObject): Generator<InferenceEvent, undefined> {
    const error = this.failures.reportedBy(chunk);
    if (error !== undefined) throw error;
    this.#usage = readUsage(objectIn(chunk, 'usage')) ?? this.#usage;
    // There is at most one choice: more are never requested. The chunk with the usage has none.
    const [choice] = objectsIn(chunk, 'choices');
    if (choice === undefined) return;
    const delta = objectIn(choice, 'delta');
    // The name differs between servers. It is sent apart from the answer, or not at all.
    const reasoning = textIn(delta, 'reasoning_content') ?? textIn(delta, 'reasoning');
    if (reasoning !== undefined && this.#request.reasoning === true) {
      yield { type: 'reasoning', text: reasoning, tokens: [] };
    }
    const text = textIn(delta, 'content') ?? textIn(choice, 'text');
    if (text !== undefined) yield this.#text(text, choice);
    for (const piece of objectsIn(delta, 'tool_calls')) {
      const event = this.#calls.read(piece);
      if (event !== undefined) yield event;
    }
    this.#rawReason = textIn(choice, 'finish_reason') ?? this.#rawReason;
  }

  /** Throws if there was neither a reason nor `[DONE]`. */
  *end(done: string | undefined): Generator<InferenceEvent, undefined> {
    const rawReason = this.#rawReason ?? done;
    if (rawReason === undefined) throw this.failures.brokenOff('The stream ended without a reason or [DONE].');
    const reason = this.#reasonOf(rawReason);
    yield* this.#calls.end();
    const finish: FinishEvent = { type: 'finish', reason, rawReason, usage: this.#usage, model: this.#model };
    yield finish;
  }

  #text(text: string, choice: JsonObject): InferenceEvent {
    const { logprobs: top } = this.#request;
    const logprobs = top === undefined ? [] : readChoiceLogprobs(choice, top);
    this.#hasText = true;
    this.#hasLogprobs ||= logprobs.length > 0;
    return { type: 'text', text, tokens: knownIds(logprobs), ...(logprobs.length > 0 && { logprobs }) };
  }

  /** Some servers report `stop` after tool calls. A required tool that was not called is a failure. */
  #reasonOf(rawReason: string): FinishReason {
    if (rawReason === FILTERED) throw failures.filtered();
    const reason = rawReason === DONE ? 'stop' : REASONS.get(rawReason);
    if (reason === undefined) throw this.failures.unreadable(`The reason of the end is "${rawReason}".`);
    const { toolChoice = 'auto', logprobs } = this.#request;
    if (logprobs !== undefined && this.#hasText && !this.#hasLogprobs) throw failures.noLogprobs();
    if (this.#calls.count > 0) return reason === 'length' ? 'length' : 'tool_calls';
    if (reason !== 'length' && toolChoice !== 'auto' && toolChoice !== 'none') throw failures.noToolCall();
    return reason === 'tool_calls' ? 'stop' : reason;
  }
}

/** Token ids come with the log probabilities, if at all. */
function knownIds(logprobs: readonly SampledLogprob[]): readonly number[] {
  const ids = logprobs.flatMap(({ token }) => token ?? []);
  return ids.length === logprobs.length ? ids : [];
}

function readUsage(usage: JsonObject | undefined): Usage | undefined {
  const promptTokens = countIn(usage, 'prompt_tokens');
  const completionTokens = countIn(usage, 'completion_tokens');
  if (promptTokens === undefined || completionTokens === undefined) return undefined;
  const cachedTokens = countIn(objectIn(usage, 'prompt_tokens_details'), 'cached_tokens');
  return { promptTokens, cachedTokens, completionTokens };
}

import type { Engine } from '@shoal/engine';
import { createEcho } from '@shoal/engine/echo';
import { modelForRequest } from '@shoal/engine/request-check';
import { ABILITIES, type FinishReason, type InferenceEvent, type ModelInfo, type TextEvent } from '@shoal/protocol';
import { ShoalError } from '@shoal/protocol/error';
import type { InferenceRequest } from '@shoal/protocol/request';
import { readScript, type Script, type ScriptedCall } from './script.ts';

export interface ScriptedOptions {
  /** Default: as fast as the consumer reads. */
  readonly wordsPerSecond?: number | undefined;
}

/** The one model. All scripted engines have the same, so that one continues the answer of another. */
export const SCRIPTED_MODEL: ModelInfo = {
  id: 'scripted',
  digest: `sha256:${'5c'.repeat(32)}`,
  contextLength: 32_768,
  abilities: ABILITIES,
};
const SLOTS = 8;
const VECTOR_LENGTH = 8;
/** UTF-16 units of a prompt that count as one token. */
const UNITS_PER_TOKEN = 4;
/** UTF-16 units of a tool call's arguments in one event. */
const ARGUMENTS_PIECE_LENGTH = 12;

/** Creates an engine for tests: a request says itself what the answer is (`readScript`). An echo speaks the text. */
export function createScripted({ wordsPerSecond }: ScriptedOptions = {}): Engine {
  const echo = createEcho({ model: SCRIPTED_MODEL.id, slots: SLOTS, tokensPerSecond: wordsPerSecond });
  return {
    name: 'scripted',
    abilities: echo.abilities,
    models: () => Promise.resolve([SCRIPTED_MODEL]),
    async *generate(request, signal) {
      try {
        yield* answer(echo, request, signal);
      } catch (error) {
        yield { type: 'error', error: ShoalError.from(error) };
      }
    },
    close: () => echo.close(),
  };
}

async function* answer(echo: Engine, request: InferenceRequest, signal: AbortSignal): AsyncGenerator<InferenceEvent> {
  modelForRequest(request, [SCRIPTED_MODEL]);
  const promptTokens = countTokens(request);
  const limit = Math.min(request.contextLength ?? Infinity, SCRIPTED_MODEL.contextLength ?? Infinity);
  if (promptTokens >= limit) throw ShoalError.contextExceeded(promptTokens, limit);
  const finish = (reason: FinishReason, completionTokens: number, rawReason = 'script'): InferenceEvent => ({
    type: 'finish',
    reason,
    rawReason,
    usage: { promptTokens, completionTokens },
    model: SCRIPTED_MODEL.id,
  });
  if (request.countOnly === true) return yield finish('stop', 0);
  if (request.input.type === 'embeddings') {
    for (const [index, text] of request.input.texts.entries())
      yield { type: 'embedding', index, vector: vectorOf(text) };
    return yield finish('stop', 0);
  }
  const script = readScript(request);
  if (script.type === 'calls') {
    yield* script.calls.flatMap(callEvents);
    return yield finish('tool_calls', script.calls.length);
  }
  // A resumed answer has its reasoning already. Without token ids, no other worker would be asked to resume.
  if (request.reasoning === true && request.resume === undefined) {
    yield { type: 'reasoning', text: 'The script says so.', tokens: [0] };
  }
  for await (const event of spoken(echo, script, request, signal)) {
    if (event.type !== 'finish') yield event;
    else if (event.reason === 'stop' && script.type === 'failure') throw script.error;
    else yield finish(event.reason, event.usage?.completionTokens ?? 0, event.rawReason);
  }
}

/** The text of a script, word by word, as the echo of a request for it. */
async function* spoken(
  echo: Engine,
  script: Exclude<Script, { type: 'calls' }>,
  request: InferenceRequest,
  signal: AbortSignal,
): AsyncGenerator<InferenceEvent> {
  const { sampling, stop, resume } = request;
  if (script.text === '') {
    if (script.type === 'failure') throw script.error;
    return yield { type: 'finish', reason: 'stop', rawReason: 'script' };
  }
  const repeated: InferenceRequest = { input: { type: 'text', text: script.text }, sampling, stop, resume };
  for await (const event of echo.generate(repeated, signal)) {
    yield event.type === 'text' ? { ...event, ...logprobsOf(event, request) } : event;
  }
}

function callEvents({ id, name, arguments: text }: ScriptedCall, index: number): readonly InferenceEvent[] {
  const pieces = text.match(new RegExp(`[^]{1,${ARGUMENTS_PIECE_LENGTH}}`, 'g')) ?? [];
  const first: InferenceEvent = { type: 'tool_call', index, id, name, arguments: '', tokens: [] };
  return [first, ...pieces.map((piece) => ({ type: 'tool_call' as const, index, arguments: piece, tokens: [] }))];
}

function logprobsOf({ text }: TextEvent, { logprobs }: InferenceRequest): Pick<TextEvent, 'logprobs'> {
  if (logprobs === undefined) return {};
  const token = { text, logprob: -0.5 };
  return { logprobs: [{ ...token, top: logprobs > 0 ? [token] : [] }] };
}

function countTokens({ input, tools }: InferenceRequest): number {
  if (input.type === 'tokens') return input.tokens.length;
  const texts = input.type === 'messages' ? input.messages.map(({ content }) => content) : textsOf(input);
  const length = texts.reduce((sum, text) => sum + text.length, tools === undefined ? 0 : JSON.stringify(tools).length);
  return Math.ceil(length / UNITS_PER_TOKEN);
}

function textsOf(input: Extract<InferenceRequest['input'], { type: 'text' | 'embeddings' }>): readonly string[] {
  return input.type === 'text' ? [input.text] : input.texts;
}

/** A vector of length 1 that depends on the text. */
function vectorOf(text: string): readonly number[] {
  const sums = Array.from({ length: VECTOR_LENGTH }, (_, index) => index + 1);
  for (let index = 0; index < text.length; index++) {
    sums[index % VECTOR_LENGTH] = (sums[index % VECTOR_LENGTH] ?? 0) + text.charCodeAt(index);
  }
  const length = Math.hypot(...sums);
  return sums.map((sum) => sum / length);
}

import { type FinishReason, STOP_STRING_REASON, type Usage } from '@shoal/protocol';
import type { ToolCall } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import type { CompletedAnswer } from '../answer.ts';
import type { AnswerContext } from '../call.ts';
import { parseObject } from '../json.ts';

/** The facts of a request that its answer depends on. */
export interface AnswerOptions {
  readonly stop: readonly string[];
  /** True if the answer has the model's reasoning. */
  readonly showsThinking: boolean;
}

/** The end of an answer. */
interface Ending {
  readonly reason: FinishReason;
  readonly rawReason?: string | undefined;
}

/** The API accepts no other tool-use ids in later messages. */
const TOOL_USE_ID = /^[a-zA-Z0-9_-]+$/;

/** Writes a message (https://docs.anthropic.com/en/api/messages). Throws `GENERATION_FAILED` for arguments that are not an object. */
export function writeMessage(answer: CompletedAnswer, options: AnswerOptions, context: AnswerContext): object {
  const { text, reasoning, toolCalls = [], finishReason: reason, rawReason, usage } = answer;
  return {
    ...messageHead(context),
    content: [
      ...(reasoning !== undefined && options.showsThinking ? [thinkingBlock(reasoning)] : []),
      ...(text === '' ? [] : [textBlock(text)]),
      ...toolCalls.flatMap((call, index) => completeToolUse(call, index, reason, context) ?? []),
    ],
    ...writeEnding({ reason, rawReason }, options),
    usage: writeUsage(usage),
  };
}

/** Returns the message of the event `message_start`. The usage is not known yet; `message_delta` has it. */
export function emptyMessage(context: AnswerContext): object {
  return {
    ...messageHead(context),
    content: [],
    stop_reason: null,
    stop_sequence: null,
    stop_details: null,
    usage: writeUsage(undefined),
  };
}

export function textBlock(text: string): object {
  return { type: 'text', text, citations: null };
}

/** Only Anthropic's servers sign reasoning. */
export function thinkingBlock(thinking: string): object {
  return { type: 'thinking', thinking, signature: '' };
}

export function toolUseBlock(
  call: Pick<ToolCall, 'id' | 'name'>,
  index: number,
  input: object,
  { id }: AnswerContext,
): object {
  const isValid = TOOL_USE_ID.test(call.id);
  return {
    type: 'tool_use',
    id: isValid ? call.id : `toolu_${id}_${index}`,
    name: call.name,
    input,
    caller: { type: 'direct' },
  };
}

/** Returns the fields of a message that tell why it ended. `stop_sequence` is null if it may be any of several. */
export function writeEnding({ reason, rawReason }: Ending, { stop }: AnswerOptions): object {
  const isStopString = reason === 'stop' && rawReason === STOP_STRING_REASON;
  return {
    stop_reason: isStopString ? 'stop_sequence' : stopReason(reason),
    stop_sequence: isStopString && stop.length === 1 ? stop[0] : null,
    stop_details: null,
  };
}

/** Returns the usage of the event `message_delta`. Unlike elsewhere, `input_tokens` does not include cached tokens. */
export function writeCounts(usage: Usage | undefined): object {
  const { promptTokens = 0, cachedTokens = 0, completionTokens = 0 } = usage ?? {};
  return {
    input_tokens: Math.max(promptTokens - cachedTokens, 0),
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cachedTokens,
    output_tokens: completionTokens,
    output_tokens_details: null,
    server_tool_use: null,
  };
}

function writeUsage(usage: Usage | undefined): object {
  return { ...writeCounts(usage), cache_creation: null, inference_geo: null, service_tier: null, speed: null };
}

function messageHead({ id, model }: AnswerContext): object {
  return { id: `msg_${id}`, type: 'message', role: 'assistant', model: model(), container: null, diagnostics: null };
}

/** Undefined for a call that the limit of tokens cut off. */
function completeToolUse(
  call: ToolCall,
  index: number,
  reason: FinishReason,
  context: AnswerContext,
): object | undefined {
  const input = parseObject(call.arguments === '' ? '{}' : call.arguments);
  if (input !== undefined) return toolUseBlock(call, index, input, context);
  if (reason === 'length') return undefined;
  throw ShoalError.generationFailed(`The model called "${call.name}" with arguments that are not a JSON object.`);
}

function stopReason(reason: FinishReason): string {
  switch (reason) {
    case 'stop':
      return 'end_turn';
    case 'length':
      return 'max_tokens';
    case 'tool_calls':
      return 'tool_use';
    case 'abort':
      throw ShoalError.aborted('The answer was aborted before its end.');
    default:
      return reason satisfies never;
  }
}

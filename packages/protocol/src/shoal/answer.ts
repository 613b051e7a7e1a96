import { ShoalError } from '../error.ts';
import type {
  EmbeddingEvent,
  FinishEvent,
  FinishReason,
  ReasoningEvent,
  TerminalEvent,
  TextEvent,
  ToolCallEvent,
  Usage,
} from '../event.ts';
import type { Fields } from '../fields.ts';
import {
  MAX_EMBED_TEXTS,
  MAX_TOOL_CALL_ID_LENGTH,
  MAX_TOOL_CALLS,
  MAX_TOOL_NAME_LENGTH,
  readToolCallId,
  readToolName,
} from '../request-fields/index.ts';
import { logprobsField, readLogprobs } from './logprobs.ts';
import { decodeVector, encodeVector } from '../vector.ts';

const FINISH_REASONS: ReadonlySet<string> = new Set(['stop', 'length', 'tool_calls', 'abort'] satisfies FinishReason[]);

/** The events with content of an answer. Each is one message and uses up credit. */
export type ContentEvent = TextEvent | ReasoningEvent | ToolCallEvent | EmbeddingEvent;

/** Throws `GENERATION_FAILED` for a vector or a tool call that exceeds the protocol's limits. */
export function contentMessage(requestId: string, content: ContentEvent): object {
  switch (content.type) {
    case 'text': {
      const { text, tokens, logprobs } = content;
      return {
        type: 'inference_chunk',
        request_id: requestId,
        text,
        tokens,
        logprobs: logprobs === undefined ? undefined : logprobsField(logprobs),
      };
    }
    case 'reasoning':
      return { type: 'inference_reasoning', request_id: requestId, text: content.text, tokens: content.tokens };
    case 'tool_call': {
      checkCall(content);
      const { index, id, name, tokens } = content;
      return {
        type: 'inference_tool_call',
        request_id: requestId,
        index,
        id,
        name,
        arguments: content.arguments,
        tokens,
      };
    }
    case 'embedding': {
      const { index, vector } = content;
      return { type: 'inference_embedding', request_id: requestId, index, vector: encodeVector(vector) };
    }
    default:
      return content satisfies never;
  }
}

export function readText(fields: Fields): TextEvent {
  const text = fields.required('text', fields.string('text'));
  const tokens = fields.tokens('tokens') ?? [];
  const logprobs = readLogprobs(fields, tokens);
  return { type: 'text', text, tokens, ...(logprobs === undefined ? {} : { logprobs }) };
}

export function readReasoning(fields: Fields): ReasoningEvent {
  const text = fields.required('text', fields.string('text'));
  return { type: 'reasoning', text, tokens: fields.tokens('tokens') ?? [] };
}

export function readToolCallEvent(fields: Fields): ToolCallEvent {
  const id = readToolCallId(fields, 'id');
  return {
    type: 'tool_call',
    index: fields.required('index', fields.integer('index', 0, MAX_TOOL_CALLS - 1)),
    ...(id === undefined ? {} : { id }),
    ...(fields.has('name') ? { name: readToolName(fields) } : {}),
    arguments: fields.string('arguments') ?? '',
    tokens: fields.tokens('tokens') ?? [],
  };
}

export function readEmbedding(fields: Fields): EmbeddingEvent {
  return {
    type: 'embedding',
    index: fields.required('index', fields.integer('index', 0, MAX_EMBED_TEXTS - 1)),
    vector: decodeVector(fields.required('vector', fields.string('vector'))),
  };
}

export function endMessage(requestId: string, finish: FinishEvent, outputSha256: string): object {
  const { usage } = finish;
  return {
    type: 'inference_end',
    request_id: requestId,
    finish_reason: finish.reason,
    raw_reason: finish.rawReason,
    usage: usage && {
      prompt_tokens: usage.promptTokens,
      cached_tokens: usage.cachedTokens,
      completion_tokens: usage.completionTokens,
    },
    output_sha256: outputSha256,
    model: finish.model,
  };
}

/** Reads the end of an answer. Returns an error if the received content differs from the sent content. */
export function readEnd(fields: Fields, ourSha256: string): TerminalEvent {
  const outputSha256 = fields.string('output_sha256');
  if (outputSha256 !== undefined && outputSha256 !== ourSha256) {
    const reason = 'The received answer is not the one that the worker sent.';
    return { type: 'error', error: ShoalError.generationFailed(reason) };
  }
  const rawReason = fields.peerName('raw_reason') ?? '';
  const reason = fields.required('finish_reason', fields.peerName('finish_reason'));
  if (!isFinishReason(reason)) throw ShoalError.badMessage(`inference_end has an unknown finish_reason: ${reason}.`);
  const usage = fields.object('usage');
  const model = fields.peerName('model');
  return {
    type: 'finish',
    reason,
    rawReason: rawReason === '' ? reason : rawReason,
    outputSha256: ourSha256,
    ...(usage === undefined ? {} : { usage: readUsage(usage) }),
    ...(model === undefined ? {} : { model }),
  };
}

/** Rejects a call that the peer would reject, because the engine caused it and not the connection. */
function checkCall({ index, id = '', name }: ToolCallEvent): void {
  const isNamed = name === undefined || (name !== '' && name.length <= MAX_TOOL_NAME_LENGTH);
  if (index < MAX_TOOL_CALLS && id.length <= MAX_TOOL_CALL_ID_LENGTH && isNamed) return;
  throw ShoalError.generationFailed('The model called too many tools, or used a tool name or id that is too long.');
}

function readUsage(fields: Fields): Usage {
  const cachedTokens = tokenCount(fields, 'cached_tokens');
  return {
    promptTokens: fields.required('prompt_tokens', tokenCount(fields, 'prompt_tokens')),
    ...(cachedTokens === undefined ? {} : { cachedTokens }),
    completionTokens: fields.required('completion_tokens', tokenCount(fields, 'completion_tokens')),
  };
}

function tokenCount(fields: Fields, name: string): number | undefined {
  return fields.integer(name, 0, Number.MAX_SAFE_INTEGER);
}

function isFinishReason(reason: string): reason is FinishReason {
  return FINISH_REASONS.has(reason);
}

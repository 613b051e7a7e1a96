import { ShoalError } from '@shoal/protocol';
import {
  contradictionIn,
  LEAST_REPEAT_PENALTY,
  MAX_DEADLINE_MS,
  MAX_EMBED_TEXTS,
  MAX_LOGIT_BIAS,
  MAX_LOGIT_BIASES,
  MAX_LOGPROBS,
  MAX_MESSAGES,
  MAX_PENALTY,
  MAX_REPEAT_PENALTY,
  MAX_SEED,
  MAX_STOP_STRINGS,
  MAX_TEMPERATURE,
  MAX_TOKENS,
  MAX_TOOL_CALL_ID_LENGTH,
  MAX_TOOL_CALLS,
  MAX_TOOL_NAME_LENGTH,
  MAX_TOOLS,
} from '@shoal/protocol/shoal';
import { z } from 'zod';
import type { PromptRequest } from '../api.ts';

// The bounds are those of the wire: what passes here must not be refused by a worker.
const token = z.int().min(0).max(MAX_TOKENS);
const toolName = z.string().min(1).max(MAX_TOOL_NAME_LENGTH);
const toolCallId = z.string().max(MAX_TOOL_CALL_ID_LENGTH);
/** Another's JSON, taken as it is. */
const json = z.record(z.string(), z.unknown());

const message = z.discriminatedUnion('role', [
  z.strictObject({ role: z.enum(['system', 'user']), content: z.string() }),
  z.strictObject({
    role: z.literal('assistant'),
    content: z.string(),
    toolCalls: z
      .array(z.strictObject({ id: toolCallId, name: toolName, arguments: z.string() }))
      .max(MAX_TOOL_CALLS)
      .exactOptional(),
  }),
  z.strictObject({ role: z.literal('tool'), content: z.string(), toolCallId: toolCallId.exactOptional() }),
]);

const input = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('messages'), messages: z.array(message).min(1).max(MAX_MESSAGES) }),
  z.strictObject({ type: z.literal('text'), text: z.string() }),
  z.strictObject({ type: z.literal('tokens'), tokens: z.array(token).min(1) }),
  z.strictObject({ type: z.literal('embeddings'), texts: z.array(z.string()).min(1).max(MAX_EMBED_TEXTS) }),
]);

const penalty = z.number().min(-MAX_PENALTY).max(MAX_PENALTY);
const bias = z.tuple([token, z.number().min(-MAX_LOGIT_BIAS).max(MAX_LOGIT_BIAS)]);

const sampling = z.strictObject({
  maxTokens: z.int().min(1).max(MAX_TOKENS).exactOptional(),
  temperature: z.number().min(0).max(MAX_TEMPERATURE).exactOptional(),
  topP: z.number().min(0).max(1).exactOptional(),
  topK: z.int().min(0).max(MAX_TOKENS).exactOptional(),
  minP: z.number().min(0).max(1).exactOptional(),
  repeatPenalty: z.number().min(LEAST_REPEAT_PENALTY).max(MAX_REPEAT_PENALTY).exactOptional(),
  presencePenalty: penalty.exactOptional(),
  frequencyPenalty: penalty.exactOptional(),
  logitBias: z.array(bias).max(MAX_LOGIT_BIASES).exactOptional(),
  seed: z.int().min(0).max(MAX_SEED).exactOptional(),
});

const tool = z.strictObject({
  name: toolName,
  description: z.string().exactOptional(),
  parameters: json.exactOptional(),
});

const format = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('json') }),
  z.strictObject({ type: z.literal('json_schema'), schema: json }),
]);

const schema = z.strictObject({
  cluster: z.string().exactOptional(),
  request: z.strictObject({
    model: z.string().min(1).exactOptional(),
    input,
    sampling,
    stop: z.array(z.string().min(1)).max(MAX_STOP_STRINGS),
    tools: z.array(tool).max(MAX_TOOLS).exactOptional(),
    toolChoice: z.union([z.enum(['auto', 'none', 'required']), z.strictObject({ name: toolName })]).exactOptional(),
    parallelToolCalls: z.boolean().exactOptional(),
    format: format.exactOptional(),
    logprobs: z.int().min(0).max(MAX_LOGPROBS).exactOptional(),
    resume: z.strictObject({ text: z.string(), tokens: z.array(token) }).exactOptional(),
    deadlineMs: z.int().min(1).max(MAX_DEADLINE_MS).exactOptional(),
  }),
});

/** Throws `INVALID_REQUEST` that names the first field which is wrong. */
export function parsePromptRequest(body: unknown): PromptRequest {
  const result = schema.safeParse(body);
  if (result.success) {
    const contradiction = contradictionIn(result.data.request);
    if (contradiction !== undefined) throw ShoalError.invalidRequest(contradiction);
    return result.data;
  }
  const issue = result.error.issues[0];
  throw ShoalError.invalidRequest(`"${(issue?.path ?? []).join('.')}": ${issue?.message ?? 'not understood'}.`);
}

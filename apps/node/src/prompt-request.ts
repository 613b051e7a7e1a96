import { ShoalError } from '@shoal/protocol';
import {
  MAX_DEADLINE_MS,
  MAX_MESSAGES,
  MAX_SEED,
  MAX_STOP_STRINGS,
  MAX_TEMPERATURE,
  MAX_TOKENS,
} from '@shoal/protocol/shoal';
import { z } from 'zod';
import type { PromptRequest } from './api.ts';

// The bounds are those of the wire: what passes here must not be refused by a worker.
const tokens = z.array(z.int().min(0).max(MAX_TOKENS));
const role = z.enum(['system', 'user', 'assistant']);

const input = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('messages'),
    messages: z
      .array(z.strictObject({ role, content: z.string() }))
      .min(1)
      .max(MAX_MESSAGES),
  }),
  z.strictObject({ type: z.literal('text'), text: z.string() }),
  z.strictObject({ type: z.literal('tokens'), tokens: tokens.min(1) }),
]);

const sampling = z.strictObject({
  maxTokens: z.int().min(1).max(MAX_TOKENS).exactOptional(),
  temperature: z.number().min(0).max(MAX_TEMPERATURE).exactOptional(),
  topP: z.number().min(0).max(1).exactOptional(),
  topK: z.int().min(0).max(MAX_TOKENS).exactOptional(),
  minP: z.number().min(0).max(1).exactOptional(),
  seed: z.int().min(0).max(MAX_SEED).exactOptional(),
});

const schema = z.strictObject({
  cluster: z.string().exactOptional(),
  request: z.strictObject({
    model: z.string().min(1).exactOptional(),
    input,
    sampling,
    stop: z.array(z.string().min(1)).max(MAX_STOP_STRINGS),
    resume: z.strictObject({ text: z.string(), tokens }).exactOptional(),
    deadlineMs: z.int().min(1).max(MAX_DEADLINE_MS).exactOptional(),
  }),
});

/** Throws `INVALID_REQUEST` that names the first field which is wrong. */
export function parsePromptRequest(body: unknown): PromptRequest {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw ShoalError.invalidRequest(`"${(issue?.path ?? []).join('.')}": ${issue?.message ?? 'not understood'}.`);
}

/**
 * The schema of a prompt request, for the document. Requests are read by the functions of the wire (`parsePromptRequest`),
 * from which it takes all limits; a test compares the two. It loads zod.
 */
import { z } from 'zod';
import {
  MAX_DEADLINE_MS,
  MAX_EMBED_TEXTS,
  MAX_KEEP_ALIVE_MS,
  MAX_LOGIT_BIAS,
  MAX_LOGIT_BIASES,
  MAX_LOGPROBS,
  MAX_MESSAGES,
  MAX_STOP_STRINGS,
  MAX_TOKENS,
  MAX_TOOL_CALL_ID_LENGTH,
  MAX_TOOL_CALLS,
  MAX_TOOL_NAME_LENGTH,
  MAX_TOOLS,
  type Sampling,
  SAMPLING,
} from '@shoal/protocol';
import type { InferenceRequest } from '@shoal/protocol/request';
import type { View } from './schemas.ts';

/** A schema for each field of a type. */
type ShapeOf<Type> = { readonly [Key in keyof Type]-?: z.ZodType<Type[Key]> };

const token = z.int().min(0).max(MAX_TOKENS);
const jsonObject = z.record(z.string(), z.unknown());
const toolName = z.string().min(1).max(MAX_TOOL_NAME_LENGTH);
const toolCallId = z.string().max(MAX_TOOL_CALL_ID_LENGTH);
const toolCall = z.strictObject({
  id: toolCallId,
  name: toolName,
  arguments: z.string().describe('JSON text of an object, as the model wrote it.'),
});

const assistant = z.literal('assistant');
const message = z
  .union([
    z.strictObject({ role: z.enum(['system', 'user']), content: z.string() }),
    z.strictObject({ role: assistant, content: z.string(), toolCalls: z.array(toolCall).max(0).optional() }),
    z.strictObject({
      role: assistant,
      content: z.string().default(''),
      toolCalls: z.array(toolCall).min(1).max(MAX_TOOL_CALLS),
    }),
    z.strictObject({
      role: z.literal('tool'),
      content: z.string(),
      toolCallId: toolCallId.optional().describe('The id of the call whose result this is.'),
    }),
  ])
  .meta({ id: 'Message', description: 'One message of a conversation.' });

const input = z
  .discriminatedUnion('type', [
    z
      .strictObject({ type: z.literal('messages'), messages: z.array(message).min(1).max(MAX_MESSAGES) })
      .describe('A conversation, rendered with the chat template of the model.'),
    z
      .strictObject({ type: z.literal('text'), text: z.string() })
      .describe('Text that is used as it is, without a template or a token in front.'),
    z
      .strictObject({ type: z.literal('tokens'), tokens: z.array(token).min(1) })
      .describe('Token ids, used as they are.'),
    z
      .strictObject({ type: z.literal('embeddings'), texts: z.array(z.string()).min(1).max(MAX_EMBED_TEXTS) })
      .describe('Texts that become vectors. Nothing is generated.'),
  ])
  .meta({ id: 'Input', description: 'The input of the model.' });

const tool = z
  .strictObject({
    name: toolName,
    description: z.string().optional(),
    parameters: jsonObject.optional().describe('JSON Schema of the arguments. Absent if there are none.'),
  })
  .meta({ id: 'Tool', description: 'A tool that the model may call. The client runs it.' });

const toolChoice = z
  .union([z.enum(['auto', 'none', 'required']), z.strictObject({ name: toolName })])
  .describe(
    '`auto`: the model decides. `none`: no tool. `required`: at least one tool. A name: that tool of `tools`. Default: `auto`.',
  );

const format = z
  .discriminatedUnion('type', [
    z.strictObject({ type: z.literal('json') }),
    z.strictObject({ type: z.literal('json_schema'), schema: jsonObject }),
  ])
  .describe('The format of the answer: any JSON object, or a JSON value that matches a schema. Default: free text.');

const sampling: z.ZodType<Sampling> = z
  .strictObject(
    Object.fromEntries(
      Object.entries(SAMPLING).map(([name, field]) => [name, samplingField(field).optional().describe(field.about)]),
    ),
  )
  .meta({
    id: 'Sampling',
    description: 'How the next token is chosen. An absent field has the default of the engine.',
  });

const inferenceRequest = z
  .strictObject({
    model: z
      .string()
      .min(1)
      .optional()
      .describe('The id of a model, or its digest. Default: the default model of the worker.'),
    input,
    sampling,
    stop: z
      .array(z.string().min(1))
      .max(MAX_STOP_STRINGS)
      .describe('The answer ends before the first of these strings, and does not contain it.'),
    tools: z.array(tool).max(MAX_TOOLS).optional().describe('Only with `messages`.'),
    toolChoice: toolChoice.optional(),
    parallelToolCalls: z.boolean().optional().describe('True: one answer may have several calls. Default: true.'),
    format: format.optional(),
    logprobs: z
      .int()
      .min(0)
      .max(MAX_LOGPROBS)
      .optional()
      .describe(
        'The number of likeliest tokens to list with each token. 0 gives the log probability of each token alone.',
      ),
    reasoning: z
      .boolean()
      .optional()
      .describe(
        'True: reasoning is sent as `reasoning` lines. False: the model is told not to reason. Default: reasoning is part of the text, as the model writes it.',
      ),
    contextLength: z
      .int()
      .min(1)
      .max(MAX_TOKENS)
      .optional()
      .describe('The most tokens of prompt and answer together. Default: the context length of the model.'),
    keepAliveMs: z
      .int()
      .min(-1)
      .max(MAX_KEEP_ALIVE_MS)
      .optional()
      .describe('Milliseconds that the model stays in memory after the answer; -1: without limit.'),
    countOnly: z.boolean().optional().describe('True: the tokens of the prompt are counted and nothing is generated.'),
    resume: z
      .strictObject({ text: z.string(), tokens: z.array(token).default([]) })
      .optional()
      .describe('The part of the answer that another worker has generated. The new answer continues after it.'),
    deadlineMs: z
      .int()
      .min(1)
      .max(MAX_DEADLINE_MS)
      .optional()
      .describe('Milliseconds until the answer must be complete.'),
  } satisfies ShapeOf<InferenceRequest>)
  .meta({ id: 'InferenceRequest', description: 'A request to a model.' });

export const promptRequest = z
  .strictObject({
    request: inferenceRequest,
    cluster: z.string().optional().describe('Default: all clusters that the node is in.'),
    progressTimeoutMs: z
      .int()
      .min(1)
      .max(MAX_DEADLINE_MS)
      .optional()
      .describe(
        'The longest silence of the answer before another worker is asked. Default: the setting progressTimeout.',
      ),
  })
  .meta({ id: 'PromptRequest' });

export type PromptRequest = View<typeof promptRequest>;

function samplingField(field: (typeof SAMPLING)[keyof Sampling]): z.ZodType {
  switch (field.kind) {
    case 'whole':
      return z.int().min(field.least).max(field.most);
    case 'number':
      return z.number().min(field.least).max(field.most);
    case 'biases':
      return z.array(z.tuple([token, z.number().min(-MAX_LOGIT_BIAS).max(MAX_LOGIT_BIAS)])).max(MAX_LOGIT_BIASES);
    default:
      return field satisfies never;
  }
}

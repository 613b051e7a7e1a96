/** The schema of the lines that answer a prompt: the events of an answer as JSON. It loads zod. */
import { z } from 'zod';
import { errorView, type View } from './schemas.ts';

const count = z.int().min(0);
const tokens = z.array(count).describe('The ids that the text was decoded from. Empty if they are unknown.');
const tokenLogprob = {
  token: count.optional().describe('Absent if the engine reports only the text.'),
  text: z.string().describe('The token as text, with U+FFFD for bytes that are not a whole character.'),
  logprob: z.number().describe('The natural logarithm of the probability, before any sampling option is applied.'),
};

const worker = z
  .strictObject({
    type: z.literal('worker'),
    name: z.string(),
    id: z.string().describe('The public key in hex, or the dialled address.'),
    model: z.string().optional().describe('The id of its model. Absent if its dialect does not list models.'),
    digest: z.string().optional(),
    privacy: z
      .enum(['local', 'encrypted', 'plain'])
      .optional()
      .describe('The protection of the connection to the worker. Absent for dialects other than `shoal/1`.'),
    auto: z.string().optional().describe('The reason for the choice of the model, if the request left it to `auto`.'),
    attempts: count.optional().describe('The number of workers that were asked, this one included.'),
  })
  .describe('The worker that answers. Sent again when another one continues the answer.');

const queued = z.strictObject({ type: z.literal('queued'), position: count }).describe('The place in the queue.');

const reasoning = z
  .strictObject({ type: z.literal('reasoning'), text: z.string(), tokens })
  .describe('A piece of the reasoning before the answer, if the request has `reasoning: true`.');

const text = z
  .strictObject({
    type: z.literal('text'),
    text: z.string(),
    tokens,
    logprobs: z
      .array(z.strictObject({ ...tokenLogprob, top: z.array(z.strictObject(tokenLogprob)) }))
      .optional()
      .describe('If requested: one per token, with the likeliest tokens at its position.'),
  })
  .describe('A piece of text, never cut inside a character.');

const toolCall = z
  .strictObject({
    type: z.literal('tool_call'),
    index: count,
    id: z.string().optional(),
    name: z.string().optional(),
    arguments: z.string(),
    tokens,
  })
  .describe(
    'A piece of a tool call. The first piece of an `index` has `id` and `name`. The `arguments` add up to JSON.',
  );

const embedding = z
  .strictObject({ type: z.literal('embedding'), index: count, vector: z.array(z.number()) })
  .describe('The vector, of length 1, for the requested text at `index`.');

const finish = z
  .strictObject({
    type: z.literal('finish'),
    reason: z
      .enum(['stop', 'length', 'tool_calls', 'abort'])
      .describe(
        '`stop`: the model ended the answer, or a stop string was found. `length`: a limit of tokens or context was reached. `tool_calls`: the model waits for results. `abort`: the client cancelled.',
      ),
    rawReason: z.string().describe('The reason as the engine or the peer reported it.'),
    usage: z
      .strictObject({
        promptTokens: count,
        cachedTokens: count.optional().describe('Prompt tokens that were still in memory. Absent if unknown.'),
        completionTokens: count.describe('Tokens generated for this request, without those of `resume`.'),
      })
      .optional()
      .describe('Absent if the dialect of the worker does not carry it.'),
    outputSha256: z.string().optional().describe('SHA-256 of the whole text in hex, including `resume`.'),
    model: z.string().optional().describe('The model that answered, as the worker reports it.'),
  })
  .describe('The end of an answer.');

const error = z
  .strictObject({ type: z.literal('error'), error: errorView })
  .describe('The end of an answer that failed.');

export const promptLine = z
  .discriminatedUnion('type', [worker, queued, reasoning, text, toolCall, embedding, finish, error])
  .meta({
    id: 'PromptLine',
    description: 'One line of the answer to a prompt. Exactly one line, the last, is a `finish` or an `error`.',
  });

export type PromptLine = View<typeof promptLine>;

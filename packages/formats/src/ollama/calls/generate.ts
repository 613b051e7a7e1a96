import type { InferenceRequest, Message } from '@shoal/protocol/request';
import type { JsonObject } from '@shoal/protocol/json';
import { ShoalError } from '@shoal/protocol/error';
import type { BodyFields } from '../../body-fields.ts';
import type { Call } from '../../call.ts';
import { answerCall, answerEnd, loadCall } from './answer-call.ts';
import { generateForm as form } from './answer-form.ts';
import { readContext, writeContext } from './context.ts';
import { bodyFields, readAnswerFields, readCallFields, readStreams } from './fields.ts';

/** Reads the body of `/api/generate`. Throws `INVALID_REQUEST` that names the field. */
export function readGenerate(body: JsonObject): Call {
  const fields = bodyFields(body);
  const called = readCallFields(fields);
  const streams = readStreams(fields);
  const answer = readAnswerFields(fields);
  const { models, request } = called;
  for (const field of ['template', 'suffix']) fields.only(field, ['']);
  fields.only('images', [[]]);
  const prompt = fields.string('prompt') ?? '';
  const before = readBefore(fields);
  const isRaw = fields.boolean('raw') ?? false;
  if (isRaw && before.length > 0) {
    throw ShoalError.invalidRequest('"raw" excludes "system" and "context". Write them into the prompt.');
  }
  if (prompt === '') return loadCall(called, streams, form);
  if (isRaw) {
    // The text of a raw prompt is not known to be a conversation, so its reasoning is not set apart.
    const raw: InferenceRequest = {
      ...request,
      ...answer,
      reasoning: undefined,
      input: { type: 'text', text: prompt },
    };
    return answerCall({ models, request: raw, streams, form });
  }
  const messages = [...before, { role: 'user', content: prompt } as const];
  return answerCall({
    models,
    request: { ...request, ...answer, input: { type: 'messages', messages } },
    streams,
    form,
    endOf: (answered) => ({
      ...answerEnd(answered),
      conversation: writeContext([...messages, { role: 'assistant', content: answered.text }]),
    }),
  });
}

/** The messages before the prompt. A given system message replaces that of the context. */
function readBefore(fields: BodyFields): readonly Message[] {
  const system = fields.string('system') ?? '';
  const messages = readContext(fields.read('context'));
  if (system === '') return messages;
  return [{ role: 'system', content: system }, ...messages.filter(({ role }) => role !== 'system')];
}

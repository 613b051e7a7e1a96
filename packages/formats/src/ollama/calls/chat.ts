import type { JsonObject } from '@shoal/protocol/json';
import type { Call } from '../../call.ts';
import { readTools } from '../../openai/tools.ts';
import { readMessages } from '../messages.ts';
import { answerCall, loadCall } from './answer-call.ts';
import { chatForm } from './answer-form.ts';
import { bodyFields, readAnswerFields, readCallFields, readStreams } from './fields.ts';

/** Reads the body of `/api/chat`. Throws `INVALID_REQUEST` that names the field. */
export function readChat(body: JsonObject): Call {
  const fields = bodyFields(body);
  const called = readCallFields(fields);
  const streams = readStreams(fields);
  const answer = readAnswerFields(fields);
  const messages = readMessages(fields);
  const tools = readTools(fields);
  if (messages.length === 0) return loadCall(called, streams, chatForm);
  return answerCall({
    models: called.models,
    request: { input: { type: 'messages', messages }, ...called.request, ...answer, ...(tools && { tools }) },
    streams,
    form: chatForm,
  });
}

import { contradictionIn, MAX_LOGPROBS, MAX_STOP_STRINGS } from '@shoal/protocol';
import type { AnswerFormat, InferenceRequest } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import type { BodyFields } from '../body-fields.ts';
import { readSampling } from './sampling.ts';
import { readToolChoice, readTools } from './tools.ts';

/** Everything of a chat request except its model and its messages. */
export function readChatOptions(body: BodyFields): Omit<InferenceRequest, 'model' | 'input'> {
  const tools = readTools(body);
  const toolChoice = readToolChoice(body, tools);
  const parallelToolCalls = body.boolean('parallel_tool_calls');
  const format = readFormat(body);
  const logprobs = readLogprobs(body);
  return {
    sampling: readSampling(body),
    stop: readStop(body),
    ...(tools !== undefined && { tools }),
    ...(toolChoice !== undefined && { toolChoice }),
    ...(tools !== undefined && parallelToolCalls !== undefined && { parallelToolCalls }),
    ...(format !== undefined && { format }),
    ...(logprobs !== undefined && { logprobs }),
  };
}

/** Throws if parts of a chat request contradict each other. Only the choice of a tool can contradict another field. */
export function checkConsistency(request: InferenceRequest, body: BodyFields): void {
  const contradiction = contradictionIn(request);
  if (contradiction === undefined) return;
  throw ShoalError.invalidRequest(`"${body.name('tool_choice')}" does not fit the tools. ${contradiction}`);
}

export function readStop(body: BodyFields): readonly string[] {
  const value = body.read('stop');
  if (value === undefined) return [];
  const stop: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (stop.length > MAX_STOP_STRINGS || !stop.every((text) => typeof text === 'string' && text !== '')) {
    throw ShoalError.invalidRequest(
      `"${body.name('stop')}" must be a text or a list of at most ${MAX_STOP_STRINGS} texts.`,
    );
  }
  return stop.map(String);
}

export function readFormat(body: BodyFields): AnswerFormat | undefined {
  const format = body.object('response_format');
  if (format === undefined) return undefined;
  const type = format.required('type', format.string('type'));
  switch (type) {
    case 'text':
      format.end();
      return undefined;
    case 'json_object': {
      // An extension of llama-server and others.
      const schema = format.json('schema');
      format.end();
      return schema === undefined ? { type: 'json' } : { type: 'json_schema', schema };
    }
    case 'json_schema': {
      const fields = format.required('json_schema', format.object('json_schema'));
      format.end();
      const schema = fields.required('schema', fields.json('schema'));
      // A schema is always followed, and its name and description do not reach the model.
      for (const name of ['name', 'description', 'strict']) fields.ignore(name);
      fields.end();
      return { type, schema };
    }
    default:
      throw ShoalError.invalidRequest(`"${format.name('type')}" must be text, json_object or json_schema.`);
  }
}

function readLogprobs(body: BodyFields): number | undefined {
  const isWanted = body.boolean('logprobs') ?? false;
  const top = body.integer('top_logprobs', 0, MAX_LOGPROBS);
  if (isWanted) return top ?? 0;
  if (top === undefined || top === 0) return undefined;
  throw ShoalError.invalidRequest(`"${body.name('top_logprobs')}" needs "${body.name('logprobs')}" to be true.`);
}

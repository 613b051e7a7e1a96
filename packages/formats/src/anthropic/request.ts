import { contradictionIn, MAX_STOP_STRINGS } from '@shoal/protocol';
import type { AnswerFormat, InferenceRequest } from '@shoal/protocol/request';
import type { JsonObject } from '@shoal/protocol/json';
import { ShoalError } from '@shoal/protocol/error';
import type { CompletedAnswer } from '../answer.ts';
import { BodyFields } from '../body-fields.ts';
import type { Call } from '../call.ts';
import { readModels } from '../model-names.ts';
import { readSampling } from '../openai/sampling.ts';
import { readConversation } from './messages.ts';
import { writeMessage } from './response.ts';
import { StreamWriter } from './stream-writer.ts';
import { readToolOptions } from './tools.ts';

/** Values of `thinking.type`, and true for those that make the model reason. */
const THINKING: ReadonlyMap<unknown, boolean> = new Map([
  ['enabled', true],
  ['adaptive', true],
  ['between_tools', true],
  ['disabled', false],
]);

/**
 * Reads the body of `POST /v1/messages` (https://docs.anthropic.com/en/api/messages), with `?beta=true` too. Fields that are
 * not known here are accepted. Throws `INVALID_REQUEST` that names the field.
 */
export function readMessages(json: JsonObject): Call {
  const body = new BodyFields(json, '', 'The body');
  const request = readRequest(body);
  body.required('max_tokens', request.sampling.maxTokens);
  const options = { stop: request.stop, showsThinking: showsThinking(body) };
  return {
    models: readModels(body),
    request,
    count: 1,
    streams: body.boolean('stream') ?? false,
    write: (answers, context) => writeMessage(onlyOne(answers), options, context),
    stream: (context) => new StreamWriter(options, context),
  };
}

/** Reads the body of `POST /v1/messages/count_tokens` (https://docs.anthropic.com/en/api/messages-count-tokens). */
export function readCount(json: JsonObject): Call {
  const body = new BodyFields(json, '', 'The body');
  return {
    models: readModels(body),
    request: { ...readRequest(body), countOnly: true },
    count: 1,
    streams: false,
    write: (answers) => ({ input_tokens: countIn(onlyOne(answers)) }),
    stream: () => {
      throw new ShoalError('INTERNAL', 'A count of tokens is not streamed.');
    },
  };
}

function readRequest(body: BodyFields): InferenceRequest {
  const { messages, toolChanges } = readConversation(body);
  const format = readFormat(body);
  const request: InferenceRequest = {
    input: { type: 'messages', messages },
    sampling: readSampling(body),
    stop: readStop(body),
    ...readToolOptions(body, toolChanges),
    ...(format !== undefined && { format }),
    reasoning: readReasoning(body),
  };
  const contradiction = contradictionIn(request);
  if (contradiction !== undefined) throw ShoalError.invalidRequest(contradiction);
  return request;
}

function readStop(body: BodyFields): readonly string[] {
  return readTexts(body, 'stop_sequences', MAX_STOP_STRINGS);
}

function readTexts(body: BodyFields, name: string, most: number): readonly string[] {
  const value = body.read(name) ?? [];
  if (Array.isArray(value) && value.length <= most && value.every(isText)) return value;
  throw ShoalError.invalidRequest(`"${body.name(name)}" must be a list of at most ${most} texts that are not empty.`);
}

/** Reads `output_config.format`, or its earlier name `output_format`. */
function readFormat(body: BodyFields): AnswerFormat | undefined {
  const format = body.object('output_config')?.object('format') ?? body.object('output_format');
  if (format === undefined) return undefined;
  const type = format.read('type');
  if (type === 'json_schema') return { type, schema: format.required('schema', format.json('schema')) };
  throw ShoalError.invalidRequest(`"${format.name('type')}" must be "json_schema".`);
}

/** Without the field the API does not reason. */
function readReasoning(body: BodyFields): boolean {
  const thinking = body.object('thinking');
  if (thinking === undefined) return false;
  const isOn = THINKING.get(thinking.read('type'));
  if (isOn !== undefined) return isOn;
  throw ShoalError.invalidRequest(`"${thinking.name('type')}" must be one of ${[...THINKING.keys()].join(', ')}.`);
}

/** False if the client wants the model to reason and not to send it. */
function showsThinking(body: BodyFields): boolean {
  return body.object('thinking')?.read('display') !== 'omitted';
}

function onlyOne([answer]: readonly CompletedAnswer[]): CompletedAnswer {
  if (answer === undefined) throw ShoalError.generationFailed('There is no answer.');
  return answer;
}

function countIn({ usage }: CompletedAnswer): number {
  if (usage !== undefined) return usage.promptTokens;
  throw ShoalError.generationFailed('The worker did not count the tokens of the prompt.');
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

import { MAX_MESSAGES, MAX_TOOL_CALL_ID_LENGTH } from '@shoal/protocol';
import type { Message, Role } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import type { BodyFields } from '../body-fields.ts';
import { readToolCalls, writeToolCalls } from './tools.ts';

const ROLES: ReadonlyMap<unknown, Role> = new Map([
  ['system', 'system'],
  // OpenAI's newer name for the same.
  ['developer', 'system'],
  ['user', 'user'],
  ['assistant', 'assistant'],
  ['tool', 'tool'],
]);

/** Kinds of content that no engine takes, by the types of their parts in this API and in that of other servers. */
const UNSUPPORTED: ReadonlyMap<unknown, string> = new Map([
  ['image_url', 'Images'],
  ['input_image', 'Images'],
  ['image', 'Images'],
  ['input_audio', 'Audio parts'],
  ['audio_url', 'Audio parts'],
  ['video_url', 'Videos'],
  ['input_file', 'Files'],
  ['file', 'Files'],
]);

/** Fields in which servers return a message's reasoning. Models do not get the reasoning of earlier answers. */
const REASONING = ['reasoning_content', 'reasoning'];

export function readMessages(body: BodyFields): readonly Message[] {
  return body.required('messages', body.objects('messages', 1, MAX_MESSAGES)).map(readMessage);
}

/** `emptyContent` is the content of a message that has nothing but tool calls. */
export function writeMessage(message: Message, emptyContent: '' | null = null): object {
  switch (message.role) {
    case 'system':
    case 'user':
      return { role: message.role, content: message.content };
    case 'assistant': {
      const { role, content, toolCalls = [] } = message;
      if (toolCalls.length === 0) return { role, content };
      return { role, content: content === '' ? emptyContent : content, tool_calls: writeToolCalls(toolCalls) };
    }
    case 'tool':
      return { role: message.role, content: message.content, tool_call_id: message.toolCallId };
    default:
      return message satisfies never;
  }
}

function readMessage(fields: BodyFields): Message {
  const message = readKnown(fields);
  fields.end();
  return message;
}

function readKnown(fields: BodyFields): Message {
  const role = ROLES.get(fields.read('role'));
  switch (role) {
    case 'system':
    case 'user':
      return { role, content: readContent(fields) };
    case 'assistant':
      return readAssistant(fields);
    case 'tool': {
      const toolCallId = fields.string('tool_call_id', 1, MAX_TOOL_CALL_ID_LENGTH);
      return { role, content: readContent(fields), toolCallId: fields.required('tool_call_id', toolCallId) };
    }
    case undefined:
      throw ShoalError.invalidRequest(`"${fields.name('role')}" must be one of ${[...ROLES.keys()].join(', ')}.`);
    default:
      return role satisfies never;
  }
}

/** The text may be missing if the model wrote none: beside tool calls, a refusal or reasoning. */
function readAssistant(fields: BodyFields): Message {
  const toolCalls = readToolCalls(fields);
  const refusal = fields.string('refusal');
  const isReasoned = REASONING.filter((name) => fields.read(name) !== undefined).length > 0;
  for (const name of ['audio', 'function_call']) fields.only(name, []);
  const otherwise = refusal ?? (toolCalls.length > 0 || isReasoned ? '' : undefined);
  const isMissing = fields.read('content') === undefined;
  const content = isMissing && otherwise !== undefined ? otherwise : readContent(fields);
  return { role: 'assistant', content, ...(toolCalls.length > 0 && { toolCalls }) };
}

function readContent(fields: BodyFields): string {
  const value = fields.read('content');
  if (typeof value === 'string') return value;
  const parts = Array.isArray(value) && value.length > 0 ? fields.objects('content', 1, value.length) : undefined;
  if (parts !== undefined) return parts.map(readPart).join('');
  throw ShoalError.invalidRequest(`"${fields.name('content')}" must be a text or a list of parts of type "text".`);
}

/** A refusal is a text that the model wrote. */
function readPart(part: BodyFields): string {
  const type = part.required('type', part.string('type'));
  if (type === 'text' || type === 'refusal') return part.required(type, part.string(type));
  const kind = UNSUPPORTED.get(type);
  throw ShoalError.invalidRequest(
    kind === undefined
      ? `"${part.name('type')}" must be "text".`
      : `"${part.name('type')}" is "${type}". ${kind} are not supported by the engines; send text.`,
  );
}

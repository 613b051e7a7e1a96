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
    case 'assistant': {
      const toolCalls = readToolCalls(fields);
      if (toolCalls.length === 0) return { role, content: readContent(fields) };
      return { role, content: fields.read('content') === undefined ? '' : readContent(fields), toolCalls };
    }
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

function readContent(fields: BodyFields): string {
  const value = fields.read('content');
  if (typeof value === 'string') return value;
  const parts = Array.isArray(value) && value.length > 0 ? value.map(textOfPart) : [undefined];
  if (parts.every((text) => text !== undefined)) return parts.join('');
  throw ShoalError.invalidRequest(`"${fields.name('content')}" must be a text or a list of parts of type "text".`);
}

function textOfPart(part: unknown): string | undefined {
  if (typeof part !== 'object' || part === null || !('type' in part) || !('text' in part)) return undefined;
  return part.type === 'text' && typeof part.text === 'string' ? part.text : undefined;
}

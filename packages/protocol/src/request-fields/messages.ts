import type { Fields } from '../fields.ts';
import type { Message, Role } from '../request.ts';
import { MAX_TOOL_CALLS, readToolCall, readToolCallId } from './tools.ts';

/** Messages of one conversation. A request with more is refused. */
export const MAX_MESSAGES = 4096;

const ROLES: ReadonlySet<string> = new Set(['system', 'user', 'assistant', 'tool'] satisfies Role[]);

/** Undefined if the field is absent. */
export function readMessages(fields: Fields): readonly Message[] | undefined {
  return fields.objects('messages', MAX_MESSAGES)?.map(readMessage);
}

function readMessage(fields: Fields): Message {
  const role = fields.required('role', fields.string('role'));
  if (!isRole(role)) throw fields.mustBe('role', `one of ${[...ROLES].join(', ')}`);
  switch (role) {
    case 'system':
    case 'user':
      return { role, content: readContent(fields) };
    case 'assistant':
      return readAssistant(fields);
    case 'tool': {
      const toolCallId = readToolCallId(fields, 'toolCallId');
      return { role, content: readContent(fields), ...(toolCallId === undefined ? {} : { toolCallId }) };
    }
    default:
      return role satisfies never;
  }
}

/** A message with tool calls may have no content. */
function readAssistant(fields: Fields): Message {
  const toolCalls = fields.objects('toolCalls', MAX_TOOL_CALLS)?.map(readToolCall) ?? [];
  if (toolCalls.length === 0) return { role: 'assistant', content: readContent(fields) };
  return { role: 'assistant', content: fields.string('content') ?? '', toolCalls };
}

function readContent(fields: Fields): string {
  return fields.required('content', fields.string('content'));
}

function isRole(role: string): role is Role {
  return ROLES.has(role);
}

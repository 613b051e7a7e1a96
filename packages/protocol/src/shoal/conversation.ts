import { ShoalError } from '../error.ts';
import type { Fields } from '../fields.ts';
import type { Message, Role } from '../request.ts';
import { MAX_TOOL_CALLS, readToolCall, readToolCallId } from './tools.ts';

const ROLES: ReadonlySet<string> = new Set(['system', 'user', 'assistant', 'tool'] satisfies Role[]);

/** One of a request's `messages`. */
export function readMessage(fields: Fields): Message {
  const role = fields.required('role', fields.string('role'));
  if (!isRole(role)) throw ShoalError.badMessage(`A message's role must be one of ${[...ROLES].join(', ')}.`);
  switch (role) {
    case 'system':
    case 'user':
      return { role, content: readContent(fields) };
    case 'assistant':
      return readAssistant(fields);
    case 'tool': {
      const toolCallId = readToolCallId(fields, 'tool_call_id');
      return { role, content: readContent(fields), ...(toolCallId === undefined ? {} : { toolCallId }) };
    }
    default:
      return role satisfies never;
  }
}

export function messageFields(message: Message): object {
  const { role, content } = message;
  return {
    role,
    content,
    tool_calls: message.role === 'assistant' ? message.toolCalls : undefined,
    tool_call_id: message.role === 'tool' ? message.toolCallId : undefined,
  };
}

/** A model that calls tools need not say anything. */
function readAssistant(fields: Fields): Message {
  const toolCalls = fields.objects('tool_calls', MAX_TOOL_CALLS)?.map(readToolCall) ?? [];
  if (toolCalls.length === 0) return { role: 'assistant', content: readContent(fields) };
  return { role: 'assistant', content: fields.string('content') ?? '', toolCalls };
}

function readContent(fields: Fields): string {
  return fields.required('content', fields.string('content'));
}

function isRole(role: string): role is Role {
  return ROLES.has(role);
}

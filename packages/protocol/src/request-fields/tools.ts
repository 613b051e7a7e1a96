import type { Fields } from '../fields.ts';
import type { Tool, ToolCall, ToolChoice } from '../request.ts';

/** Tools of one request. A request with more is refused. */
export const MAX_TOOLS = 128;
/** Calls of one message, and of one answer. */
export const MAX_TOOL_CALLS = 128;
/** UTF-16 units of a tool's name. */
export const MAX_TOOL_NAME_LENGTH = 128;
/** UTF-16 units of a call's id. */
export const MAX_TOOL_CALL_ID_LENGTH = 256;

const CHOICES: ReadonlySet<unknown> = new Set(['auto', 'none', 'required'] satisfies ToolChoice[]);

/** Returns undefined if there are none. */
export function readTools(message: Fields): readonly Tool[] | undefined {
  const tools = message.objects('tools', MAX_TOOLS)?.map(readTool) ?? [];
  return tools.length === 0 ? undefined : tools;
}

export function readToolChoice(message: Fields): ToolChoice | undefined {
  const value = message.value('toolChoice');
  if (value === undefined || isChoice(value)) return value;
  if (typeof value === 'string') {
    throw message.mustBe('toolChoice', `one of ${[...CHOICES].join(', ')}, or an object with "name"`);
  }
  const fields = message.object('toolChoice');
  return fields && { name: readToolName(fields) };
}

/** Reads a call of an assistant message. */
export function readToolCall(fields: Fields): ToolCall {
  return {
    id: fields.required('id', readToolCallId(fields, 'id')),
    name: readToolName(fields),
    arguments: fields.required('arguments', fields.string('arguments')),
  };
}

export function readToolName(fields: Fields): string {
  const name = fields.required('name', fields.string('name', MAX_TOOL_NAME_LENGTH));
  if (name === '') throw fields.mustBe('name', 'a string that is not empty');
  return name;
}

export function readToolCallId(fields: Fields, name: string): string | undefined {
  return fields.string(name, MAX_TOOL_CALL_ID_LENGTH);
}

function readTool(fields: Fields): Tool {
  const description = fields.string('description');
  const parameters = fields.json('parameters');
  return {
    name: readToolName(fields),
    ...(description === undefined ? {} : { description }),
    ...(parameters === undefined ? {} : { parameters }),
  };
}

function isChoice(value: unknown): value is Extract<ToolChoice, string> {
  return CHOICES.has(value);
}

import { ShoalError } from '../error.ts';
import { Fields } from '../fields.ts';
import type { JsonObject } from '../json.ts';
import type { Tool, ToolCall, ToolChoice } from '../request.ts';
import { memberOf, objectIn, objectsIn } from './json-member.ts';

export const MAX_TOOLS = 128;
/** Calls of one message, and of one answer. */
export const MAX_TOOL_CALLS = 128;
/** UTF-16 units of a tool's name. */
export const MAX_TOOL_NAME_LENGTH = 128;
/** UTF-16 units of a call's id. */
export const MAX_TOOL_CALL_ID_LENGTH = 256;

const WORDS_OF_CHOICE: ReadonlySet<unknown> = new Set(['auto', 'none', 'required'] satisfies ToolChoice[]);

/** Undefined where there are none. */
export function readTools(message: JsonObject): readonly Tool[] | undefined {
  const tools = objectsIn(message, 'tools', MAX_TOOLS, 'inference_request').map(readTool);
  return tools.length === 0 ? undefined : tools;
}

export function readToolChoice(message: JsonObject): ToolChoice | undefined {
  const value = memberOf(message, 'tool_choice');
  if (value === undefined || isWordOfChoice(value)) return value;
  if (typeof value === 'string') {
    const words = [...WORDS_OF_CHOICE].join(', ');
    throw ShoalError.badMessage(`inference_request: "tool_choice" must be one of ${words}, or an object with "name".`);
  }
  const where = 'inference_request.tool_choice';
  return { name: readToolName(new Fields(objectIn(message, 'tool_choice', 'inference_request') ?? {}, where), where) };
}

/** A call that the model made before, as a conversation tells of it. */
export function readToolCall(fields: Fields): ToolCall {
  return {
    id: fields.required('id', readToolCallId(fields, 'id')),
    name: readToolName(fields, 'A tool call'),
    arguments: fields.required('arguments', fields.string('arguments')),
  };
}

export function readToolName(fields: Fields, where: string): string {
  const name = fields.required('name', readShort(fields, 'name', MAX_TOOL_NAME_LENGTH));
  if (name === '') throw ShoalError.badMessage(`${where} must have a "name" that is not empty.`);
  return name;
}

export function readToolCallId(fields: Fields, name: string): string | undefined {
  return readShort(fields, name, MAX_TOOL_CALL_ID_LENGTH);
}

function readTool(tool: JsonObject, index: number): Tool {
  const where = `inference_request.tools[${index}]`;
  const fields = new Fields(tool, where);
  const description = fields.string('description');
  const parameters = objectIn(tool, 'parameters', where);
  return {
    name: readToolName(fields, where),
    ...(description === undefined ? {} : { description }),
    ...(parameters === undefined ? {} : { parameters }),
  };
}

function readShort(fields: Fields, name: string, mostLength: number): string | undefined {
  const value = fields.string(name);
  if (value === undefined || value.length <= mostLength) return value;
  throw ShoalError.badMessage(`"${name}" may have at most ${mostLength} characters.`);
}

function isWordOfChoice(value: unknown): value is Extract<ToolChoice, string> {
  return WORDS_OF_CHOICE.has(value);
}

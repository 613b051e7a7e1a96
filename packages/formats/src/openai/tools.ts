import { MAX_TOOL_CALL_ID_LENGTH, MAX_TOOL_CALLS, MAX_TOOL_NAME_LENGTH, MAX_TOOLS } from '@shoal/protocol';
import type { Tool, ToolCall, ToolChoice } from '@shoal/protocol/request';
import type { JsonObject } from '@shoal/protocol/json';
import { ShoalError } from '@shoal/protocol/error';
import type { BodyFields } from '../body-fields.ts';

const NO_PARAMETERS: JsonObject = { type: 'object', properties: {} };
const CHOICES: ReadonlySet<unknown> = new Set(['auto', 'none', 'required'] satisfies ToolChoice[]);

/** Undefined if there are none. */
export function readTools(body: BodyFields): readonly Tool[] | undefined {
  const tools = body.objects('tools', 0, MAX_TOOLS)?.map(readTool);
  return tools === undefined || tools.length === 0 ? undefined : tools;
}

/** Undefined if there are none. Ollama's API has the same format. */
export function writeTools(tools: readonly Tool[] | undefined): readonly object[] | undefined {
  if (tools === undefined || tools.length === 0) return undefined;
  return tools.map(({ name, description, parameters = NO_PARAMETERS }) => ({
    type: 'function',
    function: { name, description, parameters },
  }));
}

/** Undefined too if the choice changes nothing because there are no tools. */
export function readToolChoice(body: BodyFields, tools: readonly Tool[] | undefined): ToolChoice | undefined {
  const value = body.read('tool_choice');
  if (tools === undefined && (value === 'auto' || value === 'none')) return undefined;
  if (value === undefined || isChoice(value)) return value;
  if (typeof value === 'string') {
    throw ShoalError.invalidRequest(
      `"${body.name('tool_choice')}" must be one of ${[...CHOICES].join(', ')}, or name a function.`,
    );
  }
  const choice = body.object('tool_choice');
  return choice === undefined ? undefined : { name: readFunctionName(choice) };
}

export function writeToolChoice(choice: ToolChoice | undefined): unknown {
  return typeof choice === 'object' ? { type: 'function', function: { name: choice.name } } : choice;
}

/** The calls of an assistant's message; empty if there are none. */
export function readToolCalls(message: BodyFields): readonly ToolCall[] {
  return (message.objects('tool_calls', 0, MAX_TOOL_CALLS) ?? []).map((fields) => {
    const id = fields.required('id', fields.string('id', 1, MAX_TOOL_CALL_ID_LENGTH));
    const called = readFunction(fields);
    const name = readName(called);
    const text = called.required('arguments', called.string('arguments'));
    called.end();
    return { id, name, arguments: text };
  });
}

export function writeToolCalls(calls: readonly ToolCall[]): readonly object[] {
  return calls.map(({ id, name, arguments: text }) => ({ id, type: 'function', function: { name, arguments: text } }));
}

function readTool(fields: BodyFields): Tool {
  const tool = readFunction(fields);
  const name = readName(tool);
  const description = tool.string('description');
  const parameters = tool.json('parameters');
  // Arguments always follow the schema, if the engine can enforce it.
  tool.boolean('strict');
  tool.end();
  return { name, ...(description !== undefined && { description }), ...(parameters !== undefined && { parameters }) };
}

function readFunctionName(fields: BodyFields): string {
  const named = readFunction(fields);
  const name = readName(named);
  named.end();
  return name;
}

/** The object `function` of an object whose `type` is `function`. */
function readFunction(fields: BodyFields): BodyFields {
  const type = fields.required('type', fields.string('type'));
  if (type !== 'function') throw ShoalError.invalidRequest(`"${fields.name('type')}" must be "function".`);
  const object = fields.required('function', fields.object('function'));
  fields.end();
  return object;
}

function readName(fields: BodyFields): string {
  return fields.required('name', fields.string('name', 1, MAX_TOOL_NAME_LENGTH));
}

function isChoice(value: unknown): value is Extract<ToolChoice, string> {
  return CHOICES.has(value);
}

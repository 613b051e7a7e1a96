import { MAX_TOOL_NAME_LENGTH, MAX_TOOLS } from '@shoal/protocol';
import type { Tool, ToolChoice } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import type { BodyFields } from '../../body-fields.ts';

const CHOICES = ['none', 'auto', 'required'] as const satisfies readonly ToolChoice[];

/** The tools of a request. Tools that are not functions are left out. */
export interface Tools {
  /** Undefined if the model has no tools. */
  readonly tools?: readonly Tool[] | undefined;
  readonly toolChoice?: ToolChoice | undefined;
  /** The fields of the response that repeat both. */
  readonly written: { readonly tools: readonly object[]; readonly tool_choice: unknown };
}

/** Throws `INVALID_REQUEST` if `tool_choice` needs a tool that the model does not have. */
export function readTools(body: BodyFields): Tools {
  const read = (body.objects('tools', 0, MAX_TOOLS) ?? []).flatMap((fields) => readTool(fields) ?? []);
  const functions = read.map(({ tool }) => tool);
  const { choice, names } = readToolChoice(body, functions);
  const tools = names === undefined ? functions : functions.filter(({ name }) => names.has(name));
  if (choice === 'required' && tools.length === 0) {
    throw ShoalError.invalidRequest(`"${body.name('tool_choice')}" requires a tool, and there is no function.`);
  }
  return {
    ...(tools.length > 0 && { tools, ...(choice !== undefined && { toolChoice: choice }) }),
    written: { tools: read.map(({ written }) => written), tool_choice: body.read('tool_choice') ?? 'auto' },
  };
}

/** Undefined for a tool that is not a function, such as `web_search`: the API itself would run it. */
function readTool(fields: BodyFields): { readonly tool: Tool; readonly written: object } | undefined {
  const type = fields.required('type', fields.string('type'));
  if (type !== 'function') return undefined;
  const name = readName(fields);
  const description = fields.string('description');
  const parameters = fields.json('parameters');
  // Arguments always follow the schema, if the engine can enforce it.
  const strict = fields.boolean('strict') ?? true;
  return {
    tool: { name, ...(description !== undefined && { description }), ...(parameters !== undefined && { parameters }) },
    written: { type, name, description: description ?? null, parameters: parameters ?? null, strict },
  };
}

/** `names` are the tools that the model may call. Undefined: all. */
function readToolChoice(
  body: BodyFields,
  tools: readonly Tool[],
): { readonly choice?: ToolChoice | undefined; readonly names?: ReadonlySet<string> | undefined } {
  const value = body.read('tool_choice');
  if (value === undefined) return {};
  if (typeof value === 'string') return { choice: readMode(body, 'tool_choice', CHOICES) };
  const fields = body.required('tool_choice', body.object('tool_choice'));
  if (fields.read('type') !== 'allowed_tools') return { choice: { name: readChosen(fields, tools) } };
  const allowed = fields.required('tools', fields.objects('tools', 0, MAX_TOOLS));
  const functions = allowed.filter((one) => one.read('type') === 'function');
  return {
    choice: readMode(fields, 'mode', ['auto', 'required']),
    names: new Set(functions.map((one) => readChosen(one, tools))),
  };
}

function readMode(fields: BodyFields, name: string, modes: readonly (typeof CHOICES)[number][]): ToolChoice {
  const value = fields.required(name, fields.read(name));
  const mode = modes.find((known) => known === value);
  if (mode !== undefined) return mode;
  throw ShoalError.invalidRequest(`"${fields.name(name)}" must be one of ${modes.join(', ')}.`);
}

/** Returns the name of a function that is among the tools. */
function readChosen(fields: BodyFields, tools: readonly Tool[]): string {
  if (fields.required('type', fields.string('type')) !== 'function') {
    throw ShoalError.invalidRequest(`"${fields.name('type')}" must be "function": other tools are not supported.`);
  }
  const chosen = readName(fields);
  if (tools.some(({ name }) => name === chosen)) return chosen;
  throw ShoalError.invalidRequest(`"${fields.name('name')}" must be the name of a function among "tools".`);
}

function readName(fields: BodyFields): string {
  return fields.required('name', fields.string('name', 1, MAX_TOOL_NAME_LENGTH));
}

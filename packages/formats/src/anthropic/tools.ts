import { MAX_TOOL_NAME_LENGTH, MAX_TOOLS } from '@shoal/protocol';
import type { Tool, ToolChoice } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import type { BodyFields } from '../body-fields.ts';

const CUSTOM = 'custom';
const ADDITION = 'tool_addition';
const REMOVAL = 'tool_removal';

/** The part of a request that concerns tools. Absent fields change nothing. */
export interface ToolOptions {
  readonly tools?: readonly Tool[] | undefined;
  readonly toolChoice?: ToolChoice | undefined;
  readonly parallelToolCalls?: boolean | undefined;
}

/** True for the type of a block that changes the tools on offer in mid-conversation. */
export function isToolChange(type: string): boolean {
  return type === ADDITION || type === REMOVAL;
}

/**
 * Reads `tools` and `tool_choice`. `changes` are the blocks of the conversation that change the tools on offer. Tools that Anthropic defines, such as `web_search_20250305`, are left out: they have no
 * schema that a model could follow. Throws if the choice names one of them.
 */
export function readToolOptions(body: BodyFields, changes: readonly BodyFields[]): ToolOptions {
  const declared = (body.objects('tools', 0, MAX_TOOLS) ?? []).flatMap((tool) => readTool(tool) ?? []);
  const tools = changeTools(declared, changes);
  const choice = body.object('tool_choice');
  const toolChoice = choice === undefined ? undefined : readToolChoice(choice, tools);
  const isSerial = choice?.boolean('disable_parallel_tool_use') ?? false;
  if (tools.length === 0) return toolChoice === 'required' ? { toolChoice } : {};
  return {
    tools,
    ...(toolChoice !== undefined && { toolChoice }),
    ...(isSerial && { parallelToolCalls: false }),
  };
}

/** Returns the tools that are on offer after the changes. A change of an unknown tool, or of a server's tools, has no effect. */
function changeTools(declared: readonly Tool[], changes: readonly BodyFields[]): readonly Tool[] {
  const known = new Map(declared.map((tool) => [tool.name, tool]));
  const offered = new Map(known);
  for (const change of changes) {
    const subject = change.required('tool', change.object('tool'));
    const definition = subject.object('definition');
    const tool = definition === undefined ? known.get(subject.string('name') ?? '') : readTool(definition);
    if (tool === undefined) continue;
    known.set(tool.name, tool);
    if (change.read('type') === REMOVAL) offered.delete(tool.name);
    else offered.set(tool.name, tool);
  }
  if (offered.size <= MAX_TOOLS) return [...offered.values()];
  throw ShoalError.invalidRequest(`The conversation offers more than ${MAX_TOOLS} tools. Remove some.`);
}

/** Undefined for a tool that Anthropic defines. */
function readTool(fields: BodyFields): Tool | undefined {
  const type = fields.string('type') ?? CUSTOM;
  const parameters = fields.json('input_schema');
  if (type !== CUSTOM && parameters === undefined) return undefined;
  const description = fields.string('description');
  return {
    name: readName(fields),
    ...(description !== undefined && { description }),
    parameters: fields.required('input_schema', parameters),
  };
}

function readToolChoice(choice: BodyFields, tools: readonly Tool[]): ToolChoice {
  const type = choice.read('type');
  switch (type) {
    case 'auto':
    case 'none':
      return type;
    case 'any':
      return 'required';
    case 'tool': {
      const name = readName(choice);
      if (tools.some((tool) => tool.name === name)) return { name };
      throw ShoalError.invalidRequest(
        `"${choice.name('name')}" is "${name}", but no tool with an "input_schema" has that name; add one to "tools".`,
      );
    }
    default:
      throw ShoalError.invalidRequest(`"${choice.name('type')}" must be "auto", "any", "tool" or "none".`);
  }
}

function readName(fields: BodyFields): string {
  return fields.required('name', fields.string('name', 1, MAX_TOOL_NAME_LENGTH));
}

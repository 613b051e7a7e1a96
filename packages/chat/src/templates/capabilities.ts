import type { TemplateRenderer } from './template-renderer.ts';

/**
 * The features that a template supports. llama.cpp records which values a template reads (common/jinja/caps.cpp). This
 * module renders marker values instead: a value that a template reads appears in its output.
 */
export interface Capabilities {
  /** If false, content must be a list of typed parts. */
  readonly stringContent: boolean;
  readonly systemRole: boolean;
  /** The template writes the offered tools. */
  readonly tools: boolean;
  /** The template writes the model's earlier tool calls. */
  readonly toolCalls: boolean;
  /** The arguments of a tool call must be an object, not JSON text. */
  readonly objectArguments: boolean;
}

const TEXT = 'SHOAL_TEXT_MARKER';
const SYSTEM = 'SHOAL_SYSTEM_MARKER';
const TOOL = 'shoal_tool_marker';
const CALLED = 'shoal_called_marker';
const VALUE = 'SHOAL_VALUE_MARKER';

export function probeCapabilities(template: TemplateRenderer): Capabilities {
  const attempt = (variables: Readonly<Record<string, unknown>>) => tryRender(template, variables);
  const stringContent = probeStringContent(attempt);
  const text = (content: string) => (stringContent ? content : [{ type: 'text', text: content }]);
  const system = attempt({
    messages: [
      { role: 'system', content: text(SYSTEM) },
      { role: 'user', content: text('User message') },
    ],
  });
  const withObject = attempt(toolVariables({ arg: VALUE }, text));
  // An object in Python's notation was converted as a whole: the template did not read its members.
  const objectArguments = withObject !== undefined && withObject.replaceAll(`{'arg': '${VALUE}'}`, '').includes(VALUE);
  const withTools = objectArguments ? withObject : attempt(toolVariables(`{"arg": "${VALUE}"}`, text));
  return {
    stringContent,
    systemRole: system?.includes(SYSTEM) ?? false,
    tools: withTools?.includes(TOOL) ?? false,
    toolCalls: withTools?.includes(CALLED) ?? false,
    objectArguments,
  };
}

type Attempt = (variables: Readonly<Record<string, unknown>>) => string | undefined;

/** Returns false only if a plain string fails or is missing from the output, and typed parts appear in it. */
function probeStringContent(attempt: Attempt): boolean {
  const asString = attempt({ messages: [{ role: 'user', content: TEXT }] });
  if (asString?.includes(TEXT) === true) return true;
  const asParts = attempt({ messages: [{ role: 'user', content: [{ type: 'text', text: TEXT }] }] });
  return asParts?.includes(TEXT) !== true;
}

function toolVariables(callArguments: unknown, text: (content: string) => unknown): Readonly<Record<string, unknown>> {
  const call = { id: 'call00001', type: 'function', function: { name: CALLED, arguments: callArguments } };
  const parameters = {
    type: 'object',
    properties: { arg: { type: 'string', description: 'Arg description' } },
    required: ['arg'],
  };
  return {
    messages: [
      { role: 'user', content: text('User message') },
      { role: 'assistant', content: text(''), tool_calls: [call] },
      { role: 'tool', content: text('Tool response'), tool_call_id: 'call00001' },
      { role: 'assistant', content: text("The tool response was 'tool response'") },
      { role: 'user', content: text('User message') },
    ],
    tools: [{ name: 'tool', type: 'function', function: { name: TOOL, description: 'Tool description', parameters } }],
  };
}

/** Returns undefined if the template raises an error, which means that it does not support the input. */
function tryRender(template: TemplateRenderer, variables: Readonly<Record<string, unknown>>): string | undefined {
  try {
    return template.render({ tools: [], bos_token: '', eos_token: '', add_generation_prompt: true, ...variables });
  } catch {
    return undefined;
  }
}

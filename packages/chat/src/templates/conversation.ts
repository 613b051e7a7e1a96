import type { Message, Tool, ToolCall } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import type { Capabilities } from './capabilities.ts';

/** A message in the shape that chat templates read, which is that of OpenAI's Chat Completions. */
export interface TemplateMessage {
  readonly role: string;
  readonly content: string | readonly { readonly type: 'text'; readonly text: string }[];
  readonly reasoning_content?: string | undefined;
  readonly tool_call_id?: string | undefined;
  readonly tool_calls?: readonly TemplateToolCall[] | undefined;
}

interface TemplateToolCall {
  readonly type: 'function';
  readonly function: { readonly name: string; readonly arguments: unknown };
  readonly id: string;
}

/** Returns tools in OpenAI's shape, with keys in llama.cpp's order, because some templates write whole tools as JSON. */
export function templateTools(tools: readonly Tool[]): readonly Readonly<Record<string, unknown>>[] {
  return tools.map(({ name, description, parameters }) => ({
    type: 'function',
    function: { name, description: description ?? '', parameters: parameters ?? {} },
  }));
}

/** Converts messages for a template as llama.cpp does (`common_chat_templates_apply_jinja` of common/chat.cpp). */
export function templateMessages(messages: readonly Message[], capabilities: Capabilities): readonly TemplateMessage[] {
  const merged = capabilities.systemRole ? messages : mergeSystemMessage(messages);
  return merged.map((message) => ({
    role: message.role,
    content: capabilities.stringContent ? message.content : [{ type: 'text', text: message.content }],
    ...(message.role === 'tool' && message.toolCallId !== undefined && { tool_call_id: message.toolCallId }),
    ...(message.role === 'assistant' &&
      message.toolCalls !== undefined &&
      message.toolCalls.length > 0 && {
        tool_calls: message.toolCalls.map((call) => templateCall(call, capabilities)),
      }),
  }));
}

/** Puts a first system message at the beginning of the next message, or omits it if there is no other message. */
function mergeSystemMessage(messages: readonly Message[]): readonly Message[] {
  const [first, second, ...others] = messages;
  if (first?.role !== 'system') return messages;
  if (second === undefined) return [];
  return [{ ...second, content: `${first.content}\n${second.content}` }, ...others];
}

function templateCall(call: ToolCall, capabilities: Capabilities): TemplateToolCall {
  const parsed = capabilities.objectArguments ? parseArguments(call) : call.arguments;
  return { type: 'function', function: { name: call.name, arguments: parsed }, id: call.id };
}

function parseArguments(call: ToolCall): unknown {
  try {
    return JSON.parse(call.arguments);
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw ShoalError.invalidRequest(`The arguments of the tool call "${call.id}" are no JSON: ${cause}`);
  }
}

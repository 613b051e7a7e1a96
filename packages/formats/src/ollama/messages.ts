import type { Message, ToolCall } from '@shoal/protocol/request';
import { isObject, type JsonObject } from '@shoal/protocol/json';
import { ShoalError } from '@shoal/protocol/error';

/**
 * In Ollama's API the arguments of a tool call are an object, and a tool's message also has the tool's name. Throws
 * `INVALID_REQUEST` for arguments that are not an object.
 */
export function writeMessages(messages: readonly Message[]): readonly object[] {
  const names = new Map<string, string>();
  return messages.map((message) => {
    switch (message.role) {
      case 'system':
      case 'user':
        return message;
      case 'assistant': {
        const { role, content, toolCalls = [] } = message;
        for (const { id, name } of toolCalls) names.set(id, name);
        return { role, content, ...(toolCalls.length > 0 && { tool_calls: toolCalls.map(writeToolCall) }) };
      }
      case 'tool': {
        const { role, content, toolCallId } = message;
        const name = toolCallId === undefined ? undefined : names.get(toolCallId);
        return { role, content, tool_call_id: toolCallId, tool_name: name };
      }
      default:
        return message satisfies never;
    }
  });
}

function writeToolCall({ id, name, arguments: text }: ToolCall, index: number): object {
  return { id, function: { index, name, arguments: parseArguments(name, text) } };
}

function parseArguments(name: string, text: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ShoalError('INVALID_REQUEST', notAnObject(name), { cause });
  }
  if (!isObject(value)) throw ShoalError.invalidRequest(notAnObject(name));
  return value;
}

function notAnObject(name: string): string {
  return `The arguments of the call of "${name}" must be a JSON object.`;
}

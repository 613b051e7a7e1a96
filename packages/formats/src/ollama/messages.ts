import { MAX_MESSAGES, MAX_TOOL_CALL_ID_LENGTH, MAX_TOOL_NAME_LENGTH } from '@shoal/protocol';
import type { Message, ToolCall } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import type { BodyFields } from '../body-fields.ts';
import { withOneSystemMessage } from '../conversation.ts';
import { readToolCalls, writeToolCall } from './tool-calls.ts';

/** Reads `messages`; empty if there are none. Unknown fields are ignored, as Ollama does. */
export function readMessages(body: BodyFields): readonly Message[] {
  const calls = new OpenCalls();
  const messages = body.objects('messages', 0, MAX_MESSAGES) ?? [];
  return withOneSystemMessage(messages.map((fields) => readMessage(fields, calls)));
}

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
        const written = toolCalls.map((call, index) => writeToolCall(call, index, 'INVALID_REQUEST'));
        return { role, content, ...(written.length > 0 && { tool_calls: written }) };
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

function readMessage(fields: BodyFields, calls: OpenCalls): Message {
  const role = fields.required('role', fields.string('role')).toLowerCase();
  const content = fields.string('content') ?? '';
  fields.only('images', [[]]);
  switch (role) {
    case 'system':
    case 'user':
      return { role, content };
    case 'assistant': {
      const toolCalls = readToolCalls(fields, () => calls.newId());
      calls.open(toolCalls);
      return { role, content, ...(toolCalls.length > 0 && { toolCalls }) };
    }
    case 'tool': {
      const id = fields.string('tool_call_id', 0, MAX_TOOL_CALL_ID_LENGTH);
      const toolCallId = calls.close(id, fields.string('tool_name', 0, MAX_TOOL_NAME_LENGTH));
      return { role, content, ...(toolCallId !== undefined && { toolCallId }) };
    }
    default:
      throw ShoalError.invalidRequest(`"${fields.name('role')}" must be one of system, user, assistant, tool.`);
  }
}

/**
 * The calls of the latest message with calls that have no result yet. Many programs send results without an id, some also
 * without a name, in the order of the calls.
 */
class OpenCalls {
  #open: ToolCall[] = [];
  readonly #ids = new Set<string>();

  /** The same conversation always has the same ids, so that its prompt stays in the cache. */
  newId(): string {
    let number = this.#ids.size;
    while (this.#ids.has(`call_${number}`)) number += 1;
    const id = `call_${number}`;
    this.#ids.add(id);
    return id;
  }

  open(calls: readonly ToolCall[]): void {
    if (calls.length === 0) return;
    this.#open = [...calls];
    for (const { id } of calls) this.#ids.add(id);
  }

  /** Returns the id of the call that a result belongs to. Undefined if there is no open call. */
  close(id: string | undefined, name: string | undefined): string | undefined {
    const found = id ? this.#open.find((call) => call.id === id) : this.#open.find((call) => call.name === name);
    const call = found ?? (id ? undefined : this.#open[0]);
    this.#open = this.#open.filter((other) => other !== call);
    return id || call?.id;
  }
}

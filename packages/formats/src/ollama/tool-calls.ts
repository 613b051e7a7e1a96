import { MAX_TOOL_CALL_ID_LENGTH, MAX_TOOL_CALLS, MAX_TOOL_NAME_LENGTH } from '@shoal/protocol';
import type { ToolCall } from '@shoal/protocol/request';
import { isObject, type JsonObject } from '@shoal/protocol/json';
import { ShoalError } from '@shoal/protocol/error';
import type { BodyFields } from '../body-fields.ts';

/** In Ollama's API the arguments of a call are an object, and its id may be missing. */
export function readToolCalls(message: BodyFields, newId: () => string): readonly ToolCall[] {
  return (message.objects('tool_calls', 0, MAX_TOOL_CALLS) ?? []).map((fields) => {
    const called = fields.required('function', fields.object('function'));
    return {
      id: fields.string('id', 0, MAX_TOOL_CALL_ID_LENGTH) || newId(),
      name: called.required('name', called.string('name', 1, MAX_TOOL_NAME_LENGTH)),
      arguments: JSON.stringify(called.json('arguments') ?? {}),
    };
  });
}

/** Throws `code` for arguments that are not an object. */
export function writeToolCall({ id, name, arguments: text }: ToolCall, index: number, code: FaultCode): object {
  return { id, function: { index, name, arguments: parseArguments(name, text, code) } };
}

/** The caller's fault, or the model's. */
type FaultCode = 'INVALID_REQUEST' | 'GENERATION_FAILED';

/** A call of a tool without parameters may have no text. */
function parseArguments(name: string, text: string, code: FaultCode): JsonObject {
  const message = `The arguments of the call of "${name}" must be a JSON object.`;
  let value: unknown;
  try {
    value = JSON.parse(text === '' ? '{}' : text);
  } catch (cause) {
    throw new ShoalError(code, message, { cause });
  }
  if (!isObject(value)) throw new ShoalError(code, message);
  return value;
}

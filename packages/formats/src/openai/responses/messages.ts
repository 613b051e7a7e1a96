import { MAX_MESSAGES, MAX_TOOL_CALL_ID_LENGTH, MAX_TOOL_CALLS, MAX_TOOL_NAME_LENGTH } from '@shoal/protocol';
import type { Message } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import type { BodyFields } from '../../body-fields.ts';
import { withOneSystemMessage } from '../../conversation.ts';
import { type FunctionCallItem, type InputItem, type MessageItem, outputText, type OutputItem } from './items.ts';

const ROLES: readonly MessageItem['role'][] = ['user', 'assistant', 'system', 'developer'];

/** The types of a part that is text. `text` is not in the standard. */
const TEXT_PARTS: ReadonlyMap<string, 'text' | 'refusal'> = new Map([
  ['input_text', 'text'],
  ['output_text', 'text'],
  ['text', 'text'],
  ['refusal', 'refusal'],
]);

/**
 * Reads `input`. Items of other types than messages and function calls are skipped, with the outputs that belong to them.
 * `earlier` are the items of the conversation so far. Throws `INVALID_REQUEST` for an output without a call.
 */
export function readInput(body: BodyFields, earlier: readonly (InputItem | OutputItem)[]): readonly InputItem[] {
  const input = body.read('input');
  if (typeof input === 'string') return [message('user', input)];
  if (input === undefined && earlier.length > 0) return [];
  if (!Array.isArray(body.required('input', input))) {
    throw ShoalError.invalidRequest(`"${body.name('input')}" must be a text or a list of items.`);
  }
  const calls = new Set(earlier.flatMap((item) => (item.type === 'function_call' ? [item.call_id] : [])));
  const skipped = new Set<unknown>();
  return (body.objects('input', 0, MAX_MESSAGES) ?? []).flatMap((fields) => {
    const item = readItem(fields);
    if (item === undefined) skipped.add(fields.read('call_id'));
    else if (item.type === 'function_call') calls.add(item.call_id);
    else if (item.type === 'function_call_output' && !calls.has(item.call_id)) {
      if (skipped.has(item.call_id)) return [];
      throw ShoalError.invalidRequest(
        `"${fields.name('call_id')}" names no function call before it. Send the call too, or leave its output out.`,
      );
    }
    return item ?? [];
  });
}

/**
 * Returns the conversation of these items. Function calls in a row, and the assistant's message beside them, are one
 * message. `instructions` come first, unless they are empty. Reasoning is left out.
 */
export function messagesOf(items: readonly (InputItem | OutputItem)[], instructions: string): readonly Message[] {
  const messages: Message[] = instructions === '' ? [] : [{ role: 'system', content: instructions }];
  for (const item of items) {
    switch (item.type) {
      case 'message':
        addMessage(messages, item);
        break;
      case 'function_call':
        addCall(messages, item);
        break;
      case 'function_call_output':
        messages.push({ role: 'tool', content: item.output, toolCallId: item.call_id });
        break;
      case 'reasoning':
        break;
      default:
        item satisfies never;
    }
  }
  return withOneSystemMessage(messages);
}

function addMessage(messages: Message[], { role: itemRole, content: parts }: MessageItem): void {
  const content = parts.map(({ text }) => text).join('');
  const role = itemRole === 'developer' ? 'system' : itemRole;
  const last = messages.at(-1);
  if (role === 'assistant' && last?.role === 'assistant' && last.toolCalls !== undefined) {
    messages[messages.length - 1] = { ...last, content: last.content + content };
  } else messages.push({ role, content });
}

function addCall(messages: Message[], { call_id: id, name, arguments: text }: FunctionCallItem): void {
  const call = { id, name, arguments: text };
  const last = messages.at(-1);
  if (last?.role !== 'assistant') {
    messages.push({ role: 'assistant', content: '', toolCalls: [call] });
    return;
  }
  const { toolCalls = [] } = last;
  if (toolCalls.length === MAX_TOOL_CALLS) {
    throw ShoalError.invalidRequest(`"input" has more than ${MAX_TOOL_CALLS} function calls in a row. Send fewer.`);
  }
  messages[messages.length - 1] = { ...last, toolCalls: [...toolCalls, call] };
}

/** Undefined for an item that does not reach the model. */
function readItem(fields: BodyFields): InputItem | undefined {
  const isMessage = fields.read('type') === undefined && fields.read('role') !== undefined;
  const type = isMessage ? 'message' : fields.required('type', fields.string('type'));
  switch (type) {
    case 'message': {
      const role = readRole(fields);
      return { ...message(role, readText(fields, 'content')), ...readId(fields) };
    }
    case 'function_call': {
      const name = fields.required('name', fields.string('name', 1, MAX_TOOL_NAME_LENGTH));
      const text = fields.required('arguments', fields.string('arguments'));
      return { ...readId(fields), type, status: 'completed', call_id: readCallId(fields), name, arguments: text };
    }
    case 'function_call_output': {
      const output = readText(fields, 'output');
      return { ...readId(fields), type, status: 'completed', call_id: readCallId(fields), output };
    }
    case 'item_reference':
      throw ShoalError.invalidRequest(
        `"${fields.name('type')}" is "item_reference", which is not supported. Send the item itself, or "previous_response_id".`,
      );
    default:
      return undefined;
  }
}

function message(role: MessageItem['role'], text: string): MessageItem {
  const part = role === 'assistant' ? outputText(text, []) : ({ type: 'input_text', text } as const);
  return { type: 'message', status: 'completed', role, content: [part] };
}

function readRole(fields: BodyFields): MessageItem['role'] {
  const value = fields.read('role');
  const role = ROLES.find((known) => known === value);
  if (role !== undefined) return role;
  throw ShoalError.invalidRequest(`"${fields.name('role')}" must be one of ${ROLES.join(', ')}.`);
}

function readId(fields: BodyFields): { readonly id?: string } {
  const id = fields.string('id');
  return id === undefined ? {} : { id };
}

function readCallId(fields: BodyFields): string {
  return fields.required('call_id', fields.string('call_id', 1, MAX_TOOL_CALL_ID_LENGTH));
}

/** A text, or a list of parts that are text. */
function readText(fields: BodyFields, name: string): string {
  const value = fields.required(name, fields.read(name));
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) {
    throw ShoalError.invalidRequest(`"${fields.name(name)}" must be a text or a list of parts.`);
  }
  return (fields.objects(name, 0, Infinity) ?? []).map(readPart).join('');
}

function readPart(fields: BodyFields): string {
  const name = TEXT_PARTS.get(fields.required('type', fields.string('type')));
  if (name !== undefined) return fields.required(name, fields.string(name));
  throw ShoalError.invalidRequest(
    `"${fields.name('type')}" is not supported: only text is, not images, audio or files. Leave the part out.`,
  );
}

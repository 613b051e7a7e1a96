import { MAX_MESSAGES, MAX_TOOL_CALL_ID_LENGTH, MAX_TOOL_CALLS, MAX_TOOL_NAME_LENGTH } from '@shoal/protocol';
import type { Message, ToolCall } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import type { BodyFields } from '../body-fields.ts';
import { withOneSystemMessage } from '../conversation.ts';
import {
  readContent,
  readSearchResult,
  readText,
  readToolResult,
  readType,
  SEPARATOR,
  unknownBlock,
} from './blocks.ts';
import { isToolChange } from './tools.ts';

/** Claude Code begins the system prompt with it. It changes with each request, which would defeat the prompt cache. */
const BILLING_HEADER = 'x-anthropic-billing-header:';
/**
 * Blocks of an earlier answer that are no part of the conversation: reasoning, and the work of tools that Anthropic's
 * servers run, whose types otherwise end with `RESULT_OF_SERVER`.
 */
const SKIPPED: ReadonlySet<string> = new Set([
  'thinking',
  'redacted_thinking',
  'server_tool_use',
  'mcp_tool_use',
  'mcp_tool_listing',
  'container_upload',
  'fallback',
]);
const RESULT_OF_SERVER = '_tool_result';

export interface Conversation {
  /** At most one system message, and no two turns of the user or of the assistant in a row. */
  readonly messages: readonly Message[];
  /** The blocks of system messages that change the tools on offer, in order. */
  readonly toolChanges: readonly BodyFields[];
}

/** Reads `system` and `messages`. */
export function readConversation(body: BodyFields): Conversation {
  const fields = body.required('messages', body.objects('messages', 1, MAX_MESSAGES));
  const lastUser = fields.findLastIndex((message) => message.read('role') === 'user');
  const toolChanges: BodyFields[] = [];
  const messages = fields.flatMap((message, index) => {
    if (message.read('role') !== 'system') return readTurn(message);
    const isCleared = index < lastUser && message.read('clear_at') === 'next_user_message';
    return readSystemMessage(message, isCleared, toolChanges);
  });
  const all = [...readSystem(body), ...messages];
  if (all.length === 0) throw ShoalError.invalidRequest('"messages" must have a message with content.');
  return { messages: withOneSystemMessage(joinTurns(all)), toolChanges };
}

function readSystem(body: BodyFields): readonly Message[] {
  const content = readContent(body, 'system') ?? [];
  if (typeof content === 'string') return systemMessage([content]);
  return systemMessage(content.map(readOnlyText).filter((text) => !text.startsWith(BILLING_HEADER)));
}

function readTurn(message: BodyFields): readonly Message[] {
  const role = message.read('role');
  switch (role) {
    case 'user':
      return readUser(message);
    case 'assistant':
      return [readAssistant(message)];
    default:
      throw ShoalError.invalidRequest(`"${message.name('role')}" must be "user", "assistant" or "system".`);
  }
}

/** Adds the changes of tools to `toolChanges`, also those of a message whose text is no longer shown. */
function readSystemMessage(message: BodyFields, isCleared: boolean, toolChanges: BodyFields[]): readonly Message[] {
  const content = readContent(message, 'content') ?? [];
  if (typeof content === 'string') return isCleared ? [] : systemMessage([content]);
  const texts: string[] = [];
  for (const block of content) {
    if (isToolChange(readType(block))) toolChanges.push(block);
    else texts.push(readOnlyText(block));
  }
  return isCleared ? [] : systemMessage(texts);
}

function systemMessage(texts: readonly string[]): readonly Message[] {
  const content = texts.filter((text) => text !== '').join(SEPARATOR);
  return content === '' ? [] : [{ role: 'system', content }];
}

/** Tool results come first, because chat templates expect them right after the calls. */
function readUser(message: BodyFields): readonly Message[] {
  const content = message.required('content', readContent(message, 'content'));
  if (typeof content === 'string') return [{ role: 'user', content }];
  const results: Message[] = [];
  const texts: string[] = [];
  for (const block of content) {
    const type = readType(block);
    if (type === 'text') texts.push(readText(block));
    else if (type === 'tool_result') results.push(readToolResult(block));
    else if (type === 'search_result') texts.push(readSearchResult(block));
    else throw unknownBlock(block, type);
  }
  if (texts.length === 0 && results.length > 0) return results;
  return [...results, { role: 'user', content: texts.join(SEPARATOR) }];
}

function readAssistant(message: BodyFields): Message {
  const role = 'assistant';
  const content = message.required('content', readContent(message, 'content'));
  if (typeof content === 'string') return { role, content };
  const toolCalls: ToolCall[] = [];
  let text = '';
  for (const block of content) {
    const type = readType(block);
    if (type === 'text') text += readText(block);
    else if (type === 'tool_use') toolCalls.push(readToolUse(block));
    else if (!SKIPPED.has(type) && !type.endsWith(RESULT_OF_SERVER)) throw unknownBlock(block, type);
  }
  if (toolCalls.length > MAX_TOOL_CALLS) {
    throw ShoalError.invalidRequest(`"${message.name('content')}" must have at most ${MAX_TOOL_CALLS} tool calls.`);
  }
  return { role, content: text, ...(toolCalls.length > 0 && { toolCalls }) };
}

function readToolUse(block: BodyFields): ToolCall {
  const id = block.required('id', block.string('id', 1, MAX_TOOL_CALL_ID_LENGTH));
  const name = block.required('name', block.string('name', 1, MAX_TOOL_NAME_LENGTH));
  return { id, name, arguments: JSON.stringify(block.json('input') ?? {}) };
}

/** Throws for a block that is no text. */
function readOnlyText(block: BodyFields): string {
  const type = readType(block);
  if (type !== 'text') throw unknownBlock(block, type);
  return readText(block);
}

/** Joins messages of the user, or of the assistant, in a row, as this API does. Many chat templates refuse them. */
function joinTurns(messages: readonly Message[]): readonly Message[] {
  const joined: Message[] = [];
  for (const message of messages) {
    const last = joined.at(-1);
    const turn = last === undefined ? undefined : joinTurn(last, message);
    if (turn === undefined) joined.push(message);
    else joined[joined.length - 1] = turn;
  }
  return joined;
}

/** Undefined if the messages are two turns. */
function joinTurn(first: Message, second: Message): Message | undefined {
  const content = [first.content, second.content].filter((text) => text !== '').join(SEPARATOR);
  if (first.role === 'user' && second.role === 'user') return { role: 'user', content };
  if (first.role !== 'assistant' || second.role !== 'assistant') return undefined;
  const toolCalls = [...(first.toolCalls ?? []), ...(second.toolCalls ?? [])];
  return { role: 'assistant', content, ...(toolCalls.length > 0 && { toolCalls }) };
}

import { statSync } from 'node:fs';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FOLDER_MODE, writeDurably } from '@shoal/files/durable-write';
import { errorCode } from '@shoal/files/error-code';
import { readJson } from '@shoal/files/read';
import { homeFiles, type Home } from '@shoal/host/home';
import type { AnswerFormat, Message } from '@shoal/protocol/request';
import { isObject } from '@shoal/protocol/json';
import { ShoalError } from '@shoal/protocol/error';
import { NO_PARAMETERS, type Parameters, parameterValues, setParameter } from './parameters.ts';
import { isConversationName } from './conversation-name.ts';
import type { Conversation } from './conversation.ts';

/** Limit of a conversation's file, for reading and writing. */
const CONVERSATION_BYTES_MAX = 16 * 1024 * 1024;
/** Limit of the conversations of one home. */
const MAX_CONVERSATIONS = 1_000;
const VERSION = 1;
const SUFFIX = '.json';

/** A saved conversation in a list. */
export interface SavedConversation {
  readonly name: string;
  readonly model: string;
  readonly messages: number;
  /** ISO 8601. */
  readonly savedAt: string;
}

function folderOf(home: Home): string {
  return homeFiles(home).conversations;
}

/** Returns the path of a conversation. Names ignore case, like those of models. */
function pathOf(home: Home, name: string): string {
  return join(folderOf(home), `${name.toLowerCase()}${SUFFIX}`);
}

/** Writes a conversation durably. Replaces one of the same name. */
export async function saveConversation(home: Home, name: string, conversation: Conversation): Promise<void> {
  const path = pathOf(home, name);
  const names = await namesIn(home);
  if (names.length >= MAX_CONVERSATIONS && !names.includes(name.toLowerCase())) {
    throw ShoalError.invalidRequest(
      `The limit of ${MAX_CONVERSATIONS} saved conversations is reached. Remove one with: shoal saved rm NAME`,
    );
  }
  const { parameters, ...rest } = conversation;
  const values = Object.fromEntries(parameterValues(parameters));
  const document = { version: VERSION, name, ...rest, parameters: values };
  const text = `${JSON.stringify(document, undefined, 2)}\n`;
  if (Buffer.byteLength(text) > CONVERSATION_BYTES_MAX) {
    throw ShoalError.invalidRequest(
      `This conversation is too long to be saved: the limit is ${CONVERSATION_BYTES_MAX} bytes.`,
    );
  }
  await mkdir(dirname(path), { recursive: true, mode: FOLDER_MODE });
  await writeDurably(path, text);
}

/** Returns undefined if no conversation has this name. Throws `INVALID_REQUEST` for a damaged file. */
export async function readConversation(home: Home, name: string): Promise<Conversation | undefined> {
  if (!isConversationName(name)) return undefined;
  const path = pathOf(home, name);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return undefined;
  if (found.size > CONVERSATION_BYTES_MAX) throw broken(path);
  return readDocument(path, await readJson(path));
}

export async function listConversations(home: Home): Promise<readonly SavedConversation[]> {
  const list: SavedConversation[] = [];
  for (const name of (await namesIn(home)).toSorted()) {
    const conversation = await readConversation(home, name);
    if (conversation === undefined) continue;
    const { mtime } = await stat(pathOf(home, name));
    const { model, messages } = conversation;
    list.push({ name, model, messages: messages.length, savedAt: mtime.toISOString() });
  }
  return list;
}

/** Throws `INVALID_REQUEST` if no conversation has this name. */
export async function removeConversation(home: Home, name: string): Promise<void> {
  const names = await namesIn(home);
  if (!names.includes(name.toLowerCase())) {
    const known = names.length === 0 ? 'there are none' : `there are: ${names.toSorted().join(', ')}`;
    throw ShoalError.invalidRequest(`There is no saved conversation "${name}"; ${known}.`);
  }
  await rm(pathOf(home, name));
}

async function namesIn(home: Home): Promise<readonly string[]> {
  try {
    const files = await readdir(folderOf(home));
    const names = files.filter((file) => file.endsWith(SUFFIX)).map((file) => file.slice(0, -SUFFIX.length));
    return names.filter(isConversationName).slice(0, MAX_CONVERSATIONS);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

function readDocument(path: string, value: unknown): Conversation {
  if (!isObject(value) || value['version'] !== VERSION) throw broken(path);
  const { model, system, format, messages, parameters } = value;
  if (typeof model !== 'string' || !Array.isArray(messages)) throw broken(path);
  if (system !== undefined && typeof system !== 'string') throw broken(path);
  return {
    model,
    ...(system !== undefined && { system }),
    ...(format !== undefined && { format: readFormat(path, format) }),
    parameters: readParameters(path, parameters),
    messages: messages.map((message) => readMessage(path, message)),
  };
}

function readMessage(path: string, value: unknown): Message {
  if (!isObject(value)) throw broken(path);
  const { role, content } = value;
  if ((role !== 'user' && role !== 'assistant') || typeof content !== 'string') throw broken(path);
  return { role, content };
}

function readFormat(path: string, value: unknown): AnswerFormat {
  if (!isObject(value)) throw broken(path);
  const { type, schema } = value;
  if (type === 'json') return { type };
  if (type === 'json_schema' && isObject(schema)) return { type, schema };
  throw broken(path);
}

function readParameters(path: string, value: unknown): Parameters {
  if (!isObject(value)) throw broken(path);
  let parameters = NO_PARAMETERS;
  for (const [name, values] of Object.entries(value)) {
    if (!Array.isArray(values)) throw broken(path);
    parameters = setParameter(parameters, name, values.map(String));
  }
  return parameters;
}

function broken(path: string): ShoalError {
  return ShoalError.invalidRequest(`${path} is not a saved conversation. Remove it, or save the conversation again.`);
}

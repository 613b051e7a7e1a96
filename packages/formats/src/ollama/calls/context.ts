import { MAX_MESSAGES } from '@shoal/protocol';
import type { Message, Role } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';

/**
 * The `context` of `/api/generate`, which clients hand back unread: a conversation as whole numbers. Ollama's has token ids;
 * those of a prompt are not known here. First the mark, then for each message the index of its role, the number of its
 * characters, and their code points. All numbers fit in 31 bits, because some clients store no more.
 */

/** `SHOA` in ASCII. No vocabulary has so many tokens. */
const MARK = 0x53_48_4f_41;
/** Numbers of one context. Clients and servers read it as one line, of at most 8 bytes for each number. */
const MAX_CONTEXT_NUMBERS = 500_000;
const MAX_CODE_POINT = 0x10_ffff;
const ROLES = ['system', 'user', 'assistant'] as const satisfies Role[];

/** Undefined for a conversation that is too long. Only messages without tool calls can be written. */
export function writeContext(messages: readonly Message[]): readonly number[] | undefined {
  const units = messages.reduce((sum, { content }) => sum + content.length, 0);
  if (units + 2 * messages.length >= MAX_CONTEXT_NUMBERS) return undefined;
  return [MARK, ...messages.flatMap(writeMessage)];
}

/** Throws `INVALID_REQUEST` for anything that `writeContext` did not write. */
export function readContext(value: unknown): readonly Message[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.length > MAX_CONTEXT_NUMBERS || !value.every(isCount)) {
    throw ShoalError.invalidRequest(`"context" must be a list of at most ${MAX_CONTEXT_NUMBERS} whole numbers.`);
  }
  if (value.length === 0) return [];
  const messages: Message[] = [];
  let at = 1;
  while (value[0] === MARK && at < value.length && messages.length < MAX_MESSAGES) {
    const [role, length = 0] = [ROLES[value[at] ?? -1], value[at + 1]];
    const codes = value.slice(at + 2, at + 2 + length);
    if (role === undefined || codes.length !== length || codes.some((code) => code > MAX_CODE_POINT)) throw foreign();
    messages.push({ role, content: codes.map((code) => String.fromCodePoint(code)).join('') });
    at += 2 + length;
  }
  if (value[0] !== MARK || at !== value.length) throw foreign();
  return messages;
}

function writeMessage({ role, content }: Message): readonly number[] {
  const codes = Array.from(content, (char) => char.codePointAt(0) ?? 0);
  return [ROLES.findIndex((known) => known === role), codes.length, ...codes];
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0;
}

function foreign(): ShoalError {
  return ShoalError.invalidRequest('"context" is not from an answer of this server. Leave it out, or use /api/chat.');
}

import { isObject, type JsonObject } from '@shoal/protocol/json';
import { printableName, printableText } from '@shoal/host/printable';

/** The levels of a node's log, least important first. */
const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type Level = (typeof LEVELS)[number];

/** Fields that are longer are not shown on a terminal. */
const FIELD_CHARACTERS_MAX = 40;
/** Fields that are shown in a place of their own, or not at all. */
const PLACED = new Set(['level', 'time', 'msg', 'err', 'cause']);

/** A line of a node's log. A line that is not JSON was written by another part of the process, such as its last error. */
export interface LogLine {
  readonly level: Level;
  readonly message: string;
  /** Milliseconds since 1970. Undefined for a line that is not JSON. */
  readonly time?: number | undefined;
  readonly fields: JsonObject;
}

/** Reads a line. A text that is not JSON counts as an error, because a node writes such a text only when it fails. */
export function readLogLine(text: string): LogLine {
  const fields = parseFields(text);
  const { level, time, msg } = fields ?? {};
  if (fields === undefined || typeof msg !== 'string') return { level: 'error', message: text, fields: {} };
  return {
    level: LEVELS.find((one) => one === level) ?? 'error',
    message: msg,
    time: typeof time === 'number' ? time : undefined,
    fields,
  };
}

export function isAtLeast({ level }: LogLine, least: Level): boolean {
  return LEVELS.indexOf(level) >= LEVELS.indexOf(least);
}

/** The line as JSON. */
export function jsonOf({ level, message, time, fields }: LogLine): string {
  return JSON.stringify(time === undefined ? { level, msg: message, ...fields } : fields);
}

/** The line for a terminal: local time, level, message, and those short fields that the message does not contain. */
export function terminalText(line: LogLine): string {
  const { level, message, time, fields } = line;
  if (time === undefined) return printableText(message);
  const cause = causeOf(fields);
  const others = Object.entries(fields).flatMap(([name, value]) => shortField(name, value, message));
  const parts = [localTime(time), level.padEnd(5), message, ...(cause === undefined ? [] : [`(${cause})`]), ...others];
  return printableText(parts.join(' ')).trimEnd();
}

/** `2026-11-21 20:14:03`, in this machine's time zone. */
export function localTime(time: number): string {
  const date = new Date(time);
  const two = (number: number): string => String(number).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')}`;
}

function parseFields(text: string): JsonObject | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    // A line that was cut when the disk was full is shown as it is.
    return undefined;
  }
}

function causeOf({ err, cause }: JsonObject): string | undefined {
  const text = isObject(err) ? err['message'] : cause;
  return typeof text === 'string' && text !== '' ? text : undefined;
}

function shortField(name: string, value: unknown, message: string): string[] {
  if (PLACED.has(name) || !['string', 'number', 'boolean'].includes(typeof value)) return [];
  const text = String(value);
  return text.length > FIELD_CHARACTERS_MAX || message.includes(text) ? [] : [`${name}=${printableName(text)}`];
}

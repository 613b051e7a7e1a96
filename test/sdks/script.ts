import { isErrorCode, ShoalError } from '@shoal/protocol/error';
import { isObject, type JsonObject } from '@shoal/protocol/json';
import type { InferenceRequest, Message } from '@shoal/protocol/request';

/** The answer that a request asks for. */
export type Script =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'calls'; readonly calls: readonly ScriptedCall[] }
  /** The text, then the error. */
  | { readonly type: 'failure'; readonly text: string; readonly error: ShoalError };

export interface ScriptedCall {
  readonly id: string;
  readonly name: string;
  /** JSON text. */
  readonly arguments: string;
}

/** The answer to a request without a script. */
export const GREETING = 'Hello from the scripted engine.';
/** The beginning of the answer to a tool's result. */
export const TOOL_REPORT = 'The tool said: ';

/** The shell tools of coding agents, and the arguments with which each runs a command. */
const SHELL_TOOLS: Readonly<Record<string, (command: string) => JsonObject>> = {
  Bash: (command) => ({ command, description: 'Runs the command' }),
  bash: (command) => ({ command, description: 'Runs the command' }),
  exec_command: (command) => ({ cmd: command }),
  run_shell_command: (command) => ({ command, description: 'Runs the command', is_background: false }),
};

/**
 * Returns the answer to a request. A user's message asks for it in lines that contain one of these; the last such message
 * counts, and any other text around them is ignored.
 *
 * - `script: count to 20` answers with `1 2 3 … 20`.
 * - `script: call NAME {"a":1}` calls that tool. Several lines are several calls in one answer.
 * - `script: run COMMAND` calls the shell tool of a coding agent.
 * - `script: fail after 5` answers with five numbers, then with the error `GENERATION_FAILED`.
 * - `script: refuse with CODE` answers with that error.
 *
 * Once the tools' results are there, the answer is `TOOL_REPORT` and the last result. A request for JSON gets a value of its
 * schema. A request that offers no such tool, and any other request, gets `GREETING`.
 */
export function readScript(request: InferenceRequest): Script {
  const messages = messagesOf(request);
  const asked = messages.findLastIndex(({ role, content }) => role === 'user' && content.includes('script: '));
  const lines = directives(messages[asked]?.content ?? '');
  const results = messages.slice(asked + 1).filter(({ role }) => role === 'tool');
  const result = results.at(-1);
  if (result !== undefined) return { type: 'text', text: `${TOOL_REPORT}${result.content}` };
  if (request.format !== undefined) return { type: 'text', text: JSON.stringify(exampleOf(schemaOf(request))) };
  const calls = lines.flatMap((line) => readCall(line, request) ?? []);
  if (calls.length > 0)
    return { type: 'calls', calls: calls.map((call, index) => ({ id: `call_${asked}_${index}`, ...call })) };
  return lines.map(readText).find((script) => script !== undefined) ?? { type: 'text', text: GREETING };
}

/** A conversation, or raw text as one message of the user. */
function messagesOf({ input }: InferenceRequest): readonly Message[] {
  if (input.type === 'messages') return input.messages;
  return input.type === 'text' ? [{ role: 'user', content: input.text }] : [];
}

function directives(text: string): readonly string[] {
  return text.split('\n').flatMap((line) => /script: (.+)/.exec(line)?.[1] ?? []);
}

function readCall(line: string, { tools = [] }: InferenceRequest): Omit<ScriptedCall, 'id'> | undefined {
  const offered = new Set(tools.map(({ name }) => name));
  const [, name = '', json = ''] = /^call (\S+) (\{.*\})/.exec(line) ?? [];
  if (offered.has(name)) return { name, arguments: json };
  const [, command] = /^run ([^"]+)/.exec(line) ?? [];
  const shell = Object.keys(SHELL_TOOLS).find((tool) => offered.has(tool));
  if (command === undefined || shell === undefined) return undefined;
  return { name: shell, arguments: JSON.stringify(SHELL_TOOLS[shell]?.(command)) };
}

function readText(line: string): Script | undefined {
  const [, last] = /^count to (\d+)/.exec(line) ?? [];
  if (last !== undefined) return { type: 'text', text: numbers(Number(last)) };
  const [, before] = /^fail after (\d+)/.exec(line) ?? [];
  if (before !== undefined) {
    return {
      type: 'failure',
      text: numbers(Number(before)),
      error: ShoalError.generationFailed('The script fails here.'),
    };
  }
  const [, code] = /^refuse with (\w+)/.exec(line) ?? [];
  if (!isErrorCode(code)) return undefined;
  return {
    type: 'failure',
    text: '',
    error: new ShoalError(code, 'The script refuses this.', { retryAfterMs: 1_000 }),
  };
}

/** Returns the numbers from 1, which the tests expect as the answer to `count to`. */
export function numbers(last: number): string {
  return Array.from({ length: last }, (_, index) => index + 1).join(' ');
}

function schemaOf({ format }: InferenceRequest): JsonObject {
  return format?.type === 'json_schema' ? format.schema : {};
}

/** Returns the smallest value of the schemas that clients' libraries write. */
function exampleOf(schema: JsonObject): unknown {
  const { type, properties, items, anyOf } = schema;
  if (Array.isArray(schema['enum'])) return schema['enum'][0];
  if (Array.isArray(anyOf)) return exampleOf(objectOf(anyOf[0]));
  switch (Array.isArray(type) ? type[0] : type) {
    case 'string':
      return 'text';
    case 'integer':
    case 'number':
      return 1;
    case 'boolean':
      return true;
    case 'array':
      return [exampleOf(objectOf(items))];
    case 'null':
      return null;
    default:
      return Object.fromEntries(
        Object.entries(objectOf(properties)).map(([name, value]) => [name, exampleOf(objectOf(value))]),
      );
  }
}

function objectOf(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

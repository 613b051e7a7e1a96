import type { Message, Tool } from '@shoal/protocol/request';
import { templateTools } from '../templates/conversation.ts';
import type { CallShape } from './calls.ts';
import { readArray } from './mistral.ts';
import { emitJsonString, readJsonString } from './read-json.ts';
import { anyOf, literal, objectRule, oneOrMore, readText, type ToolFormat } from './tool-format.ts';

const SHAPE: CallShape = { name: ['name'], arguments: ['arguments'] };

/**
 * `{"tool_calls": [{"name": …, "arguments": {…}}, …]}` or `{"response": "…"}`, for models without tool support: a system
 * message describes the tools, and a grammar enforces the format. llama.cpp called this its generic format.
 */
export const generic: ToolFormat = {
  name: 'generic',
  matchesTemplate: () => true,
  grammar(calls, isParallel) {
    const objects = anyOf(calls.map((call) => objectRule('name', 'arguments', call)));
    return `${literal('{"tool_calls": [')} ${oneOrMore(objects, ', ', isParallel)} ${literal(']}')}`;
  },
  *read(scan, calls) {
    yield* scan.skipSpace();
    const isObject = yield* scan.match('{');
    yield* scan.skipSpace();
    const key = isObject ? yield* readJsonString(scan) : undefined;
    yield* scan.skipSpace();
    const isMember = (key === 'response' || key === 'tool_calls') && (yield* scan.match(':'));
    yield* scan.skipSpace();
    const isRead =
      isMember && (key === 'response' ? yield* emitJsonString(scan) : yield* readArray(scan, calls, SHAPE));
    if (calls.isOver) return;
    if (isRead) {
      yield* scan.skipSpace();
      if (yield* scan.match('}')) {
        scan.drop();
        yield* scan.dropSpaceBefore([]);
      }
    }
    yield* readText(scan);
  },
};

/** Returns the GBNF of an answer that either calls tools or contains text. */
export function genericChoice(calls: string, string: string): string {
  return `${calls} | ${literal('{"response": ')} ${string} ${literal('}')}`;
}

/** Describes tools, calls and results in plain messages, which every template can render. */
export function describeTools(messages: readonly Message[], tools: readonly Tool[]): readonly Message[] {
  const described = messages.map(describeCalls);
  if (tools.length === 0) return described;
  const instruction = [
    'You can call any of the following tools to satisfy the requests of the user:',
    JSON.stringify(templateTools(tools), undefined, 2),
    '',
    'Answer in JSON, either with `tool_calls` (a request to call tools): ' +
      '{"tool_calls": [{"name": "…", "arguments": {…}}]}, ' +
      'or with `response` (what you say to the user): {"response": "…"}',
  ].join('\n');
  const [first, ...others] = described;
  return first?.role === 'system'
    ? [{ role: 'system', content: `${first.content}\n\n${instruction}` }, ...others]
    : [{ role: 'system', content: instruction }, ...described];
}

function describeCalls(message: Message): Message {
  if (message.role === 'tool') {
    const answer = { tool_call_id: message.toolCallId, content: message.content };
    return { role: 'user', content: JSON.stringify({ tool_response: answer }) };
  }
  if (message.role !== 'assistant' || message.toolCalls === undefined || message.toolCalls.length === 0) return message;
  // The arguments are already JSON. They stay as the model wrote them.
  const calls = message.toolCalls.map(
    ({ id, name, arguments: text }) =>
      `{"name": ${JSON.stringify(name)}, "arguments": ${text}, "id": ${JSON.stringify(id)}}`,
  );
  const textBefore = message.content === '' ? '' : `${message.content}\n`;
  return { role: 'assistant', content: `${textBefore}{"tool_calls": [${calls.join(', ')}]}` };
}

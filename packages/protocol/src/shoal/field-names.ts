import { SAMPLING } from '../sampling.ts';

/** Names of request fields on the wire, where they differ from those of `InferenceRequest`. */
const WIRE_NAMES: ReadonlyMap<string, string> = new Map([
  ...Object.entries(SAMPLING).map(([name, field]) => [name, field.wireName] as const),
  ['toolCalls', 'tool_calls'],
  ['toolCallId', 'tool_call_id'],
  ['toolChoice', 'tool_choice'],
  ['parallelToolCalls', 'parallel_tool_calls'],
  ['format', 'response_format'],
  ['contextLength', 'context_length'],
  ['keepAliveMs', 'keep_alive_ms'],
  ['countOnly', 'count_only'],
  ['deadlineMs', 'deadline_ms'],
]);

export function wireName(name: string): string {
  return WIRE_NAMES.get(name) ?? name;
}

import { randomUUID } from 'node:crypto';
import type { JsonObject, Tool } from '@shoal/protocol';

/** Tools as OpenAI's chat API and Ollama's write them. */
export function toolsInWords(tools: readonly Tool[] | undefined): readonly object[] | undefined {
  if (tools === undefined || tools.length === 0) return undefined;
  return tools.map(({ name, description, parameters = NO_PARAMETERS }) => ({
    type: 'function',
    function: { name, description, parameters },
  }));
}

const NO_PARAMETERS: JsonObject = { type: 'object', properties: {} };

/** For a call to which the server gave none. */
export function newCallId(): string {
  return `call_${randomUUID()}`;
}

import type { Fields } from '../fields.ts';
import type { InferenceRequest, Input } from '../request.ts';

/** Throws the fault of `fields` if the input is empty, or if parts of the request contradict each other. */
export function checkConsistency(request: InferenceRequest, fields: Fields): void {
  const reason = isEmpty(request.input) ? 'The input of a request must not be empty.' : contradictionIn(request);
  if (reason !== undefined) throw fields.fault(reason);
}

/** Returns why parts of the request contradict each other. Undefined if they do not. */
export function contradictionIn(request: InferenceRequest): string | undefined {
  const { input, tools = [], toolChoice = 'auto', format, logprobs, resume } = request;
  if (input.type === 'embeddings' && [format, logprobs, resume].some((option) => option !== undefined)) {
    return 'Embeddings have no format, no log probabilities and nothing to resume.';
  }
  if (tools.length > 0 && input.type !== 'messages') return 'Tools require "messages" as input.';
  if (toolChoice === 'required' && tools.length === 0) return 'The request requires a tool and has none.';
  if (typeof toolChoice === 'object' && !tools.some(({ name }) => name === toolChoice.name)) {
    return `The request requires the tool "${toolChoice.name}" and does not have it.`;
  }
  return undefined;
}

/** A text may be empty: models continue from nothing. */
function isEmpty(input: Input): boolean {
  switch (input.type) {
    case 'messages':
      return input.messages.length === 0;
    case 'text':
      return false;
    case 'tokens':
      return input.tokens.length === 0;
    case 'embeddings':
      return input.texts.length === 0;
    default:
      return input satisfies never;
  }
}

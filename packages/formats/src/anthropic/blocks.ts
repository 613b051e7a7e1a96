import { MAX_TOOL_CALL_ID_LENGTH } from '@shoal/protocol';
import type { Message } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import type { BodyFields } from '../body-fields.ts';

/** Content blocks of one message, of the system prompt, or of a tool's result. */
const MAX_BLOCKS = 4096;
/** Stands between the texts of blocks that are joined. */
export const SEPARATOR = '\n\n';

/** Undefined if the field is absent. */
export function readContent(fields: BodyFields, name: string): string | readonly BodyFields[] | undefined {
  const value = fields.read(name);
  if (value === undefined || typeof value === 'string') return value;
  if (Array.isArray(value)) return fields.objects(name, 0, MAX_BLOCKS);
  throw ShoalError.invalidRequest(`"${fields.name(name)}" must be a text or a list of content blocks.`);
}

export function readType(fields: BodyFields): string {
  return fields.required('type', fields.string('type', 1));
}

export function readText(block: BodyFields): string {
  return block.required('text', block.string('text'));
}

/**
 * The error for a block of a type that is not supported: it may be a part of the prompt. Claude Code recognizes Anthropic's
 * text, which begins with "Input tag", and sends the conversation without blocks that are new.
 */
export function unknownBlock(block: BodyFields, type: string): ShoalError {
  const isMedia = type === 'image' || type === 'document';
  const problem = isMedia
    ? `${type}s are not supported`
    : `Input tag '${type}' found using 'type' does not match any of the expected tags`;
  return ShoalError.invalidRequest(`"${block.name('type')}": ${problem}; send text.`);
}

/** Returns the text of a search result's blocks. */
export function readSearchResult(block: BodyFields): string {
  const content = readContent(block, 'content') ?? '';
  return typeof content === 'string' ? content : content.map(readText).join(SEPARATOR);
}

/** Reads a tool's result. */
export function readToolResult(block: BodyFields): Message {
  const toolCallId = block.string('tool_use_id', 1, MAX_TOOL_CALL_ID_LENGTH);
  const content = readContent(block, 'content') ?? '';
  const text =
    typeof content === 'string' ? content : content.flatMap((part) => readResultPart(part) ?? []).join(SEPARATOR);
  const isError = block.boolean('is_error') ?? false;
  return {
    role: 'tool',
    // Chat templates have no place for the flag.
    content: isError ? `Error: ${text}` : text,
    toolCallId: block.required('tool_use_id', toolCallId),
  };
}

/** Undefined for a block without text. */
function readResultPart(part: BodyFields): string | undefined {
  const type = readType(part);
  switch (type) {
    case 'text':
      return readText(part);
    case 'search_result':
      return readSearchResult(part);
    case 'tool_reference':
      // The client's own tool search found it, so the request has it among its tools.
      return `The tool "${part.required('tool_name', part.string('tool_name', 1))}" is available.`;
    case 'image':
    case 'document':
      throw unknownBlock(part, type);
    default:
      return part.string('text');
  }
}

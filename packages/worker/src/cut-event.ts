import { cutText, type InferenceEvent, type TextEvent, type ToolCallEvent } from '@shoal/protocol';
import { LOGPROBS_OF_CHUNK_MAX } from '@shoal/protocol/shoal';

/** Splits an event into pieces of the size that a session sends, so that flow control applies to each piece. */
export function cutEvent(event: InferenceEvent): readonly InferenceEvent[] {
  switch (event.type) {
    case 'text':
      return cutText(event).flatMap(cutLogprobs);
    case 'reasoning':
      return cutText({ ...event, type: 'text' }).map(({ text, tokens }) => ({ type: event.type, text, tokens }));
    case 'tool_call':
      return cutToolCall(event);
    case 'queued':
    case 'embedding':
    case 'finish':
    case 'error':
      return [event];
    default:
      return event satisfies never;
  }
}

/** The first piece has the call's name, the last one its tokens. */
function cutToolCall(event: ToolCallEvent): readonly ToolCallEvent[] {
  const { type, index, id, name, tokens } = event;
  return cutText({ type: 'text', text: event.arguments, tokens }).map((piece, position) => ({
    type,
    index,
    ...(position > 0 || id === undefined ? {} : { id }),
    ...(position > 0 || name === undefined ? {} : { name }),
    arguments: piece.text,
    tokens: piece.tokens,
  }));
}

/** The first piece has the text. */
function cutLogprobs(event: TextEvent): readonly TextEvent[] {
  const { type, text, tokens, logprobs } = event;
  if (logprobs === undefined || logprobs.length <= LOGPROBS_OF_CHUNK_MAX) return [event];
  const count = Math.ceil(logprobs.length / LOGPROBS_OF_CHUNK_MAX);
  return Array.from({ length: count }, (_, piece) => {
    const [start, end] = [piece * LOGPROBS_OF_CHUNK_MAX, (piece + 1) * LOGPROBS_OF_CHUNK_MAX];
    return {
      type,
      text: piece === 0 ? text : '',
      tokens: tokens.slice(start, end),
      logprobs: logprobs.slice(start, end),
    };
  });
}

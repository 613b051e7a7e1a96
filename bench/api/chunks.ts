const FACTS = {
  id: 'chatcmpl-00000000000000000000000000000000',
  object: 'chat.completion.chunk',
  created: 1_700_000_000,
};

/** Returns the server-sent events of a chat completion of these words, as the node writes them. */
export function chunksOf(text: string): readonly string[] {
  const words = text.match(/\S+\s*/g) ?? [];
  const events = [...words.map((content) => chunk({ content }, null)), chunk({}, 'stop')];
  return [...events.map((event) => `data: ${JSON.stringify(event)}\n\n`), 'data: [DONE]\n\n'];
}

function chunk(delta: object, reason: string | null): object {
  const choices = [{ index: 0, delta, logprobs: null, finish_reason: reason }];
  return { ...FACTS, model: 'echo', choices };
}

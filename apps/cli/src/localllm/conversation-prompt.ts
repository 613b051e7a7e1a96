import { Buffer } from 'node:buffer';
import { MAX_PROMPT_BYTES } from '@shoal/protocol/localllm';
import type { Message } from '@shoal/protocol/request';

const EARLIER = 'Earlier in this conversation:';
const NOW = 'Now I say:';
const SPEAKERS: Readonly<Record<string, string>> = { system: 'Instructions', user: 'I said', assistant: 'You said' };

/**
 * Returns one prompt for the last message with the earlier ones before it, because a LocalLLM host does not remember. The oldest
 * turns are left out if the prompt would exceed the limit of the dialect. A first message is returned as it is.
 */
export function conversationPrompt(messages: readonly Message[]): string {
  const question = messages.at(-1)?.content ?? '';
  const system = messages.filter(({ role }) => role === 'system');
  const turns = messages.slice(0, -1).filter(({ role }) => role !== 'system');
  for (let first = 0; first <= turns.length; first += 2) {
    const prompt = withEarlier([...system, ...turns.slice(first)], question);
    if (Buffer.byteLength(prompt) <= MAX_PROMPT_BYTES) return prompt;
  }
  return question;
}

function withEarlier(earlier: readonly Message[], question: string): string {
  if (earlier.length === 0) return question;
  const lines = earlier.map(({ role, content }) => `${SPEAKERS[role] ?? role}: ${content}`);
  return [EARLIER, ...lines, '', NOW, question].join('\n');
}

import { findAnswerMarkers, type ReasoningMarkers, type RenderOptions } from '@shoal/chat/answer-markers';
import { ShoalError } from '@shoal/protocol/error';
import { textIn } from '@shoal/formats/json';
import type { ModelServer } from '../http/server.ts';
import { requestJson } from './request-json.ts';

const PROBED_TOOL = {
  type: 'function',
  function: { name: 'FFF_FIRST_FUN_F', description: 'Test function foo', parameters: {} },
};
const MARKER = /<[^>]*>|\[[^\]]*\]/g;

/** Returns the markers around reasoning in the model's answers. Undefined if its chat template does not support reasoning. */
export async function readReasoning(
  server: ModelServer,
  template: string | undefined,
  signal: AbortSignal,
): Promise<ReasoningMarkers | undefined> {
  if (template === undefined) return undefined;
  return findAnswerMarkers(template, (options) => render(server, options, signal));
}

/** Variables of the chat template that switch reasoning off. */
export function templateVariables(reasoning: boolean | undefined): object {
  return reasoning === false ? { chat_template_kwargs: { enable_thinking: false } } : {};
}

/** The parts of the markers that may be control tokens, which llama-server shows only if they are named. */
export function markerTokens({ start, end }: ReasoningMarkers): readonly string[] {
  return [start, end].flatMap((marker) => marker.match(MARKER) ?? []);
}

async function render(
  server: ModelServer,
  { messages, addGenerationPrompt, enableThinking, withTools = false }: RenderOptions,
  signal: AbortSignal,
): Promise<string | undefined> {
  const body = {
    messages: messages.map(({ tool_calls: calls, ...message }) => ({
      ...message,
      ...(calls !== undefined && {
        tool_calls: calls.map((call) => ({
          ...call,
          function: { ...call.function, arguments: JSON.stringify(call.function.arguments) },
        })),
      }),
    })),
    add_generation_prompt: addGenerationPrompt,
    chat_template_kwargs: { enable_thinking: enableThinking },
    ...(withTools && { tools: [PROBED_TOOL] }),
  };
  try {
    return textIn(await requestJson(server, 'apply-template', body, signal), 'prompt');
  } catch (error) {
    if (error instanceof ShoalError && !signal.aborted) return undefined; // a refusal gives no information about reasoning
    throw error;
  }
}

import { type InferenceRequest, type Message, type Sampling, ShoalError, type ToolChoice } from '@shoal/protocol';
import { toolsInWords } from '../http/tools.ts';

export interface Order {
  readonly path: 'chat/completions' | 'completions';
  readonly body: object;
}

/**
 * A request for an answer in OpenAI's words (https://platform.openai.com/docs/api-reference). Throws `GENERATION_FAILED`, so
 * that another worker is asked, for an answer that was begun elsewhere, and `INVALID_REQUEST` for what these words cannot say.
 */
export function orderFor(request: InferenceRequest, model: string, tellsUsage: boolean): Order {
  const { input, sampling, stop, format, resume } = request;
  if (resume !== undefined)
    throw ShoalError.generationFailed('The server cannot go on with an answer that was begun elsewhere.');
  const stops = stop.filter((text) => text !== '');
  const common = {
    model,
    stream: true,
    ...(tellsUsage && { stream_options: { include_usage: true } }),
    ...samplingInWords(sampling),
    stop: stops.length === 0 ? undefined : stops,
    response_format: formatInWords(format),
  };
  switch (input.type) {
    case 'messages':
      return {
        path: 'chat/completions',
        body: {
          ...common,
          messages: input.messages.map(messageInWords),
          ...chatLogprobs(request),
          ...toolFields(request),
        },
      };
    case 'text':
      return { path: 'completions', body: { ...common, ...textFields(request), prompt: input.text } };
    case 'tokens':
      return { path: 'completions', body: { ...common, ...textFields(request), prompt: input.tokens } };
    case 'embeddings':
      throw ShoalError.invalidRequest('Texts become vectors, and not an answer.');
    default:
      return input satisfies never;
  }
}

/**
 * `top_k` and `min_p` are the words of vLLM, llama-server, LM Studio and EXO. The penalty of repetition is `repetition_penalty`
 * to vLLM and EXO, `repeat_penalty` to llama-server and LM Studio, and each passes over the other's word.
 */
function samplingInWords(sampling: Sampling): object {
  const { logitBias = [] } = sampling;
  return {
    max_tokens: sampling.maxTokens,
    temperature: sampling.temperature,
    top_p: sampling.topP,
    top_k: sampling.topK,
    min_p: sampling.minP,
    repetition_penalty: sampling.repeatPenalty,
    repeat_penalty: sampling.repeatPenalty,
    presence_penalty: sampling.presencePenalty,
    frequency_penalty: sampling.frequencyPenalty,
    logit_bias: logitBias.length === 0 ? undefined : Object.fromEntries(logitBias),
    seed: sampling.seed,
  };
}

function formatInWords(format: InferenceRequest['format']): object | undefined {
  if (format === undefined) return undefined;
  if (format.type === 'json') return { type: 'json_object' };
  return { type: 'json_schema', json_schema: { name: 'answer', schema: format.schema, strict: true } };
}

function messageInWords(message: Message): object {
  switch (message.role) {
    case 'system':
    case 'user':
      return message;
    case 'assistant': {
      const { role, content, toolCalls = [] } = message;
      if (toolCalls.length === 0) return { role, content };
      const calls = toolCalls.map(({ id, name, arguments: text }) => ({
        id,
        type: 'function',
        function: { name, arguments: text },
      }));
      return { role, content: content === '' ? null : content, tool_calls: calls };
    }
    case 'tool':
      return { role: 'tool', content: message.content, tool_call_id: message.toolCallId };
    default:
      return message satisfies never;
  }
}

function toolFields({ tools, toolChoice, parallelToolCalls }: InferenceRequest): object {
  const words = toolsInWords(tools);
  if (words === undefined) return {};
  return { tools: words, tool_choice: choiceInWords(toolChoice), parallel_tool_calls: parallelToolCalls };
}

function choiceInWords(choice: ToolChoice | undefined): unknown {
  return typeof choice === 'object' ? { type: 'function', function: { name: choice.name } } : choice;
}

/** At least one of the likeliest is asked for: to llama-server none means no log probabilities at all. */
function chatLogprobs({ logprobs }: InferenceRequest): object {
  return logprobs === undefined ? {} : { logprobs: true, top_logprobs: Math.max(1, logprobs) };
}

/** Without a limit vLLM stops after 16 tokens, and at the end of the context where it is null. */
function textFields({ logprobs, sampling }: InferenceRequest): object {
  return {
    max_tokens: sampling.maxTokens ?? null,
    ...(logprobs !== undefined && { logprobs: Math.max(1, logprobs) }),
  };
}

import { type InferenceRequest, ShoalError } from '@shoal/protocol';
import { toolsInWords } from '../http/tools.ts';
import { messagesInWords } from './messages.ts';
import type { OllamaModel } from './models.ts';

/** What is the same in every order. */
export interface OrderSettings {
  /** How long Ollama keeps the model in memory afterwards: `5m`, or seconds, or -1 for ever. */
  readonly keepAlive: string | number | undefined;
  readonly contextLength: number | undefined;
}

export interface Order {
  readonly path: 'api/chat' | 'api/generate';
  readonly body: object;
}

/**
 * A request for an answer in Ollama's words (docs/api.md there). Throws `INVALID_REQUEST` for what its API has no word for,
 * and `GENERATION_FAILED`, so that another worker is asked, for an answer that was begun elsewhere.
 */
export function orderFor(request: InferenceRequest, model: OllamaModel, settings: OrderSettings): Order {
  const { format, logprobs, resume } = request;
  if (resume !== undefined)
    throw ShoalError.generationFailed('Ollama cannot go on with an answer that was begun elsewhere.');
  checkWords(request);
  const { path, question } = questionOf(request);
  const body = {
    model: model.info.id,
    ...question,
    stream: true,
    // A prompt that does not fit is an error and a full context an end, rather than something quietly left out.
    truncate: false,
    shift: false,
    keep_alive: settings.keepAlive,
    format: format?.type === 'json_schema' ? format.schema : format?.type,
    ...(logprobs !== undefined && { logprobs: true, top_logprobs: logprobs }),
    options: optionsFor(request, model, settings),
  };
  return { path, body };
}

/** The vectors of texts (`api/embed`). */
export function embeddingOrder(texts: readonly string[], model: OllamaModel, settings: OrderSettings) {
  return {
    path: 'api/embed',
    body: {
      model: model.info.id,
      input: texts,
      truncate: false,
      keep_alive: settings.keepAlive,
      options: { num_ctx: settings.contextLength },
    },
  };
}

/** What Ollama would drop in silence. */
function checkWords({ sampling, toolChoice = 'auto', parallelToolCalls = true, tools }: InferenceRequest): void {
  if (sampling.logitBias !== undefined && sampling.logitBias.length > 0) throw lacks('a bias of tokens');
  if (tools === undefined || tools.length === 0 || toolChoice === 'none') return;
  if (toolChoice !== 'auto') throw lacks('a tool that must be used');
  if (!parallelToolCalls) throw lacks('a limit of one tool call');
}

function lacks(what: string): ShoalError {
  return ShoalError.invalidRequest(`Ollama has no word for ${what}; leave it out of the request.`);
}

function optionsFor({ sampling, stop }: InferenceRequest, model: OllamaModel, settings: OrderSettings): object {
  const stops = stop.filter((text) => text !== '');
  return {
    num_ctx: settings.contextLength,
    num_predict: sampling.maxTokens,
    temperature: sampling.temperature,
    top_p: sampling.topP,
    top_k: sampling.topK,
    min_p: sampling.minP,
    repeat_penalty: sampling.repeatPenalty,
    presence_penalty: sampling.presencePenalty,
    frequency_penalty: sampling.frequencyPenalty,
    seed: sampling.seed,
    stop: stops.length === 0 ? undefined : [...model.stops, ...stops],
  };
}

/** An empty `prompt` would only load the model, so that one is a chat; so is what has tools, of which only chats know. */
function questionOf({ input, tools, toolChoice }: InferenceRequest): { path: Order['path']; question: object } {
  switch (input.type) {
    case 'messages': {
      const [first] = input.messages;
      const words = toolChoice === 'none' ? undefined : toolsInWords(tools);
      const isBare = input.messages.length === 1 && first?.role === 'user' && first.content !== '';
      return isBare && words === undefined
        ? { path: 'api/generate', question: { prompt: first.content } }
        : { path: 'api/chat', question: { messages: messagesInWords(input.messages), tools: words } };
    }
    case 'text':
      return { path: 'api/generate', question: { prompt: input.text, raw: true } };
    case 'embeddings':
    case 'tokens':
      throw ShoalError.invalidRequest('Ollama takes no token ids; send messages or raw text.');
    default:
      return input satisfies never;
  }
}

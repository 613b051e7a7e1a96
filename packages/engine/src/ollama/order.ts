import { type InferenceRequest, type Input, ShoalError } from '@shoal/protocol';
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
 * A request in Ollama's words (docs/api.md there). Throws `INVALID_REQUEST` for token ids, which its API does not take,
 * and `GENERATION_FAILED`, so that another worker is asked, for an answer that was begun elsewhere.
 */
export function orderFor(request: InferenceRequest, model: OllamaModel, settings: OrderSettings): Order {
  const { input, sampling, stop, resume } = request;
  if (resume !== undefined)
    throw ShoalError.generationFailed('Ollama cannot go on with an answer that was begun elsewhere.');
  const stops = stop.filter((text) => text !== '');
  const { path, question } = questionOf(input);
  const body = {
    model: model.info.id,
    ...question,
    stream: true,
    // A prompt that does not fit is an error and a full context an end, rather than something quietly left out.
    truncate: false,
    shift: false,
    keep_alive: settings.keepAlive,
    options: {
      num_ctx: settings.contextLength,
      num_predict: sampling.maxTokens,
      temperature: sampling.temperature,
      top_p: sampling.topP,
      top_k: sampling.topK,
      min_p: sampling.minP,
      seed: sampling.seed,
      stop: stops.length === 0 ? undefined : [...model.stops, ...stops],
    },
  };
  return { path, body };
}

/** An empty `prompt` would only load the model, so that one is a chat. */
function questionOf(input: Input): { path: Order['path']; question: object } {
  switch (input.type) {
    case 'messages': {
      const [first] = input.messages;
      const isBare = input.messages.length === 1 && first?.role === 'user' && first.content !== '';
      return isBare
        ? { path: 'api/generate', question: { prompt: first.content } }
        : { path: 'api/chat', question: { messages: input.messages } };
    }
    case 'text':
      return { path: 'api/generate', question: { prompt: input.text, raw: true } };
    case 'tokens':
      throw ShoalError.invalidRequest('Ollama takes no token ids; send messages or raw text.');
    default:
      return input satisfies never;
  }
}

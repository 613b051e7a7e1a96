import type { InferenceRequest } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import { writeTools } from '../openai/tools.ts';
import { writeMessages } from './messages.ts';

/** The model that a request is for, and options that are not part of the neutral request. */
export interface RequestOptions {
  readonly model: string;
  /** The stop strings of the Modelfile, which those of a request would replace. */
  readonly modelStops: readonly string[];
  /** How long Ollama keeps the model in memory afterwards: `5m`, seconds, or -1 without limit. Default: Ollama's own. */
  readonly keepAlive: string | number | undefined;
  /** Default: Ollama's own. */
  readonly contextLength: number | undefined;
  /** True if the model can think. Ollama refuses `think` for others. */
  readonly canThink?: boolean | undefined;
}

/** A request to Ollama; the path is relative to its address. */
export interface OllamaRequest {
  readonly path: 'api/chat' | 'api/generate';
  readonly body: object;
}

/**
 * Writes a streaming request (Ollama's docs/api.md). Throws `INVALID_REQUEST` for what the API cannot express, and
 * `GENERATION_FAILED` for an answer to resume, so that another worker is tried.
 */
export function writeRequest(request: InferenceRequest, options: RequestOptions): OllamaRequest {
  const { format, logprobs, resume } = request;
  if (resume !== undefined)
    throw ShoalError.generationFailed('Ollama cannot continue an answer that another worker began.');
  checkSupport(request);
  const { path, input } = writeInput(request);
  const body = {
    model: options.model,
    ...input,
    stream: true,
    // Without these Ollama drops part of a prompt that is too long, or of a context that is full, and reports nothing.
    truncate: false,
    shift: false,
    keep_alive: options.keepAlive,
    ...(options.canThink === true && request.input.type === 'messages' && { think: request.reasoning }),
    format: format?.type === 'json_schema' ? format.schema : format?.type,
    ...(logprobs !== undefined && { logprobs: true, top_logprobs: logprobs }),
    options: writeSampling(request, options),
  };
  return { path, body };
}

/** Throws for options that Ollama would ignore without an error. */
function checkSupport(request: InferenceRequest): void {
  const { sampling, toolChoice = 'auto', parallelToolCalls = true, tools, countOnly } = request;
  if (countOnly === true) throw unsupported('a count of tokens');
  if (sampling.logitBias !== undefined && sampling.logitBias.length > 0) throw unsupported('a bias of tokens');
  if (tools === undefined || tools.length === 0 || toolChoice === 'none') return;
  if (toolChoice !== 'auto') throw unsupported('a tool that must be used');
  if (!parallelToolCalls) throw unsupported('a limit of one tool call');
}

function unsupported(what: string): ShoalError {
  return ShoalError.invalidRequest(`Ollama does not support ${what}. Remove it from the request.`);
}

function writeSampling({ sampling, stop }: InferenceRequest, { modelStops, contextLength }: RequestOptions): object {
  const stops = stop.filter((text) => text !== '');
  return {
    num_ctx: contextLength,
    num_predict: sampling.maxTokens,
    temperature: sampling.temperature,
    top_p: sampling.topP,
    top_k: sampling.topK,
    min_p: sampling.minP,
    repeat_penalty: sampling.repeatPenalty,
    presence_penalty: sampling.presencePenalty,
    frequency_penalty: sampling.frequencyPenalty,
    seed: sampling.seed,
    stop: stops.length === 0 ? undefined : [...modelStops, ...stops],
  };
}

/** A chat if there are tools, which only chats support, or if the prompt is empty, which would only load the model. */
function writeInput({ input, tools, toolChoice }: InferenceRequest): { path: OllamaRequest['path']; input: object } {
  switch (input.type) {
    case 'messages': {
      const [first] = input.messages;
      const written = toolChoice === 'none' ? undefined : writeTools(tools);
      const isBare = input.messages.length === 1 && first?.role === 'user' && first.content !== '';
      return isBare && written === undefined
        ? { path: 'api/generate', input: { prompt: first.content } }
        : { path: 'api/chat', input: { messages: writeMessages(input.messages), tools: written } };
    }
    case 'text':
      return { path: 'api/generate', input: { prompt: input.text, raw: true } };
    case 'embeddings':
    case 'tokens':
      throw ShoalError.invalidRequest('Ollama does not accept token ids. Send messages or raw text.');
    default:
      return input satisfies never;
  }
}

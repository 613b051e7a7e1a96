import type { Ability, InferenceEvent } from '@shoal/protocol';
import type { InferenceRequest } from '@shoal/protocol/request';
import type { JsonObject } from '@shoal/protocol/json';
import { ShoalError } from '@shoal/protocol/error';
import { objectIn, textIn } from '@shoal/formats/json';
import type { ModelServer } from '../http/server.ts';
import { countPrompt } from '../llama-server/prompt.ts';
import { type ModelProperties, readProperties } from '../llama-server/properties.ts';

/** Enough for llama-server's properties and for the vector of one token. */
const DESCRIPTION_TIMEOUT_MS = 10_000;
const HTTP_OK = 200;
/** Parts of the templates of models that reason. */
const REASONING = /enable_thinking|reasoning_content|<think>|\[THINK\]|<\|channel\|>analysis/;

/**
 * The abilities of a llama-server with one model. `/props` reports whether its chat template supports tools. Vectors depend on
 * its command line, so one is requested.
 */
export async function llamaServerAbilities(
  server: ModelServer,
  model: string,
  signal: AbortSignal,
): Promise<readonly Ability[]> {
  const request = { path: '../props', signal, timeoutMs: DESCRIPTION_TIMEOUT_MS };
  const [props, vectors] = await Promise.all([
    server.requestObject(request),
    makesVectors(server, { model, input: ['a'] }, signal),
  ]);
  return [
    'messages',
    'prompt',
    'tokens',
    'json',
    'logprobs',
    ...(props.status === HTTP_OK ? (['count'] as const) : []),
    ...(REASONING.test(textIn(props.object, 'chat_template') ?? '') ? (['reasoning'] as const) : []),
    ...(props.status !== HTTP_OK || supportsTools(props.object) ? (['tools'] as const) : []),
    ...(vectors ? (['embeddings'] as const) : []),
  ];
}

/** Older versions do not report it, and count as supporting tools. */
function supportsTools(props: JsonObject | undefined): boolean {
  const capabilities = objectIn(props, 'chat_template_caps');
  return capabilities === undefined || capabilities['supports_tools'] === true;
}

/** A server without vectors refuses at once. One with vectors may time out while its slots are busy. */
async function makesVectors(server: ModelServer, body: object, signal: AbortSignal): Promise<boolean> {
  try {
    const request = { path: 'embeddings', body, signal, timeoutMs: DESCRIPTION_TIMEOUT_MS };
    return (await server.requestObject(request)).status === HTTP_OK;
  } catch (error) {
    if (error instanceof ShoalError && error.code === 'TIMEOUT_NO_RESPONSE') return true;
    throw error;
  }
}

/** Counts prompts with the paths of llama-server that are not OpenAI's. */
export class PromptCounter {
  readonly #root: ModelServer;
  readonly #closing: AbortSignal;
  #properties: Promise<ModelProperties> | undefined;

  /** `root` is the server above its OpenAI API. */
  constructor(root: ModelServer, closing: AbortSignal) {
    this.#root = root;
    this.#closing = closing;
  }

  async count(request: InferenceRequest, model: string, signal: AbortSignal): Promise<InferenceEvent> {
    this.#properties ??= readProperties(this.#root, this.#closing);
    try {
      return await countPrompt(this.#root, await this.#properties, request, { model, signal });
    } catch (error) {
      this.forget();
      throw error;
    }
  }

  /** Forgets the model's properties, because the server may have another model now. */
  forget(): void {
    this.#properties = undefined;
  }
}

import { ShoalError } from '@shoal/protocol/error';
import { countIn, objectIn, objectsIn, textIn } from '@shoal/formats/json';
import type { ModelServer } from '../http/server.ts';
import type { ReasoningMarkers } from '@shoal/chat/answer-markers';
import { failures } from './errors.ts';
import { readReasoning } from './reasoning.ts';
import { requestJson } from './request-json.ts';

/** The properties of a server's model. */
export interface ModelProperties {
  /** Tokens per slot. */
  readonly contextLength: number;
  readonly vocabularySize: number;
  readonly quantization?: string | undefined;
  /** True if its chat template supports tools. */
  readonly hasTools: boolean;
  /** The markers around reasoning in its answers. Undefined if its chat template does not support reasoning. */
  readonly reasoning?: ReasoningMarkers | undefined;
  /** The first token of every prompt. Undefined if the model has none. */
  readonly firstToken?: number | undefined;
}

export type Parsing = 'with control tokens' | 'as plain text';

/** The token ids of a text, without special tokens before or after it. */
export async function tokenize(
  server: ModelServer,
  content: string,
  parsing: Parsing,
  signal: AbortSignal,
): Promise<readonly number[]> {
  const parse_special = parsing === 'with control tokens';
  return readTokens(await requestJson(server, 'tokenize', { content, add_special: false, parse_special }, signal));
}

export async function readProperties(server: ModelServer, signal: AbortSignal): Promise<ModelProperties> {
  const [properties, models, beginning] = await Promise.all([
    requestJson(server, 'props', undefined, signal),
    requestJson(server, 'v1/models', undefined, signal),
    requestJson(server, 'tokenize', { content: '', add_special: true }, signal),
  ]);
  const contextLength = countIn(objectIn(properties, 'default_generation_settings'), 'n_ctx');
  const vocabularySize = countIn(objectIn(objectsIn(models, 'data')[0], 'meta'), 'n_vocab');
  if (contextLength === undefined || vocabularySize === undefined) {
    throw new ShoalError(
      'GENERATION_FAILED',
      'This llama-server is too old: it does not report the properties of its model. Update it.',
    );
  }
  const quantization = quantizationName(textIn(properties, 'model_ftype'));
  const firstToken = await firstOf(server, readTokens(beginning), textIn(properties, 'bos_token'), signal);
  return {
    contextLength,
    vocabularySize,
    // An older llama-server does not report it, and has a generic format for templates without tools.
    hasTools: objectIn(properties, 'chat_template_caps')?.['supports_tools'] !== false,
    quantization,
    firstToken,
    reasoning: await readReasoning(server, textIn(properties, 'chat_template'), signal),
  };
}

/** The tokens around an empty text may be one that begins a prompt, one that ends it, or both. */
async function firstOf(
  server: ModelServer,
  around: readonly number[],
  text: string | undefined,
  signal: AbortSignal,
): Promise<number | undefined> {
  const [first] = around;
  if (first === undefined || text === undefined) return undefined;
  const [beginning] = await tokenize(server, text, 'with control tokens', signal);
  return first === beginning ? first : undefined;
}

function readTokens(reply: { readonly [key: string]: unknown }): readonly number[] {
  const { tokens } = reply;
  const isToken = (id: unknown): id is number => typeof id === 'number' && Number.isSafeInteger(id);
  if (!Array.isArray(tokens) || !tokens.every(isToken)) throw failures.unreadable('Tokens are not a list of ids.');
  return tokens;
}

/** `Q4_K - Medium` is `Q4_K_M`, `all F32` is `F32` (`llama_model_ftype_name` in llama.cpp). */
function quantizationName(name: string | undefined): string | undefined {
  const found = /([A-Z]+\d+(?:_[A-Z0-9]+)*)(?: - (Small|Medium|Large))?/.exec(name ?? '');
  if (found === null) return undefined;
  const [, format = '', size] = found;
  return size === undefined ? format : `${format}_${size.charAt(0)}`;
}

import { ShoalError } from '@shoal/protocol';
import { countIn, objectIn, objectsIn, textIn } from '@shoal/formats/json';
import type { ModelServer } from '../http/server.ts';
import { failures, refused } from './errors.ts';

/** Everything but an answer itself comes from memory. */
const SMALL_QUESTION_TIMEOUT_MS = 30_000;
const HTTP_OK = 200;

/** What a server says of its model. */
export interface ModelFacts {
  /** Tokens a slot. */
  readonly contextLength: number;
  readonly vocabularySize: number;
  readonly quantization?: string | undefined;
  /** Whether its template knows what tools are. */
  readonly hasTools: boolean;
  /** What each prompt begins with; undefined where nothing is wanted there. */
  readonly firstToken?: number | undefined;
}

/** One question that is answered at once. Throws what llama-server refuses. */
export async function askSmall(server: ModelServer, path: string, body: object | undefined, signal: AbortSignal) {
  const { status, object } = await server.requestObject({
    path,
    body,
    signal,
    timeoutMs: SMALL_QUESTION_TIMEOUT_MS,
  });
  if (status !== HTTP_OK) throw refused(status, object);
  if (object === undefined) throw failures.unreadable(`What /${path} answers is no JSON object.`);
  return object;
}

export type Parsing = 'with control tokens' | 'as plain text';

/** The ids of a text, with nothing put in front of it or behind it. */
export async function tokenize(
  server: ModelServer,
  content: string,
  parsing: Parsing,
  signal: AbortSignal,
): Promise<readonly number[]> {
  const parse_special = parsing === 'with control tokens';
  return readTokens(await askSmall(server, 'tokenize', { content, add_special: false, parse_special }, signal));
}

export async function readFacts(server: ModelServer, signal: AbortSignal): Promise<ModelFacts> {
  const [properties, models, beginning] = await Promise.all([
    askSmall(server, 'props', undefined, signal),
    askSmall(server, 'v1/models', undefined, signal),
    askSmall(server, 'tokenize', { content: '', add_special: true }, signal),
  ]);
  const contextLength = countIn(objectIn(properties, 'default_generation_settings'), 'n_ctx');
  const vocabularySize = countIn(objectIn(objectsIn(models, 'data')[0], 'meta'), 'n_vocab');
  if (contextLength === undefined || vocabularySize === undefined) {
    throw new ShoalError('GENERATION_FAILED', 'This llama-server is too old: it does not tell what its model is.');
  }
  const quantization = quantizationName(textIn(properties, 'model_ftype'));
  const firstToken = await firstOf(server, readTokens(beginning), textIn(properties, 'bos_token'), signal);
  return {
    contextLength,
    vocabularySize,
    // An older llama-server, which does not tell, has a way of its own for templates that know of no tools.
    hasTools: objectIn(properties, 'chat_template_caps')?.['supports_tools'] !== false,
    quantization,
    firstToken,
  };
}

/** What the tokenizer puts around an empty text may be what begins a prompt, what ends one, or both. */
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
  if (!Array.isArray(tokens) || !tokens.every(isToken)) throw failures.unreadable('Tokens are no list of ids.');
  return tokens;
}

/** `Q4_K - Medium` is `Q4_K_M`, `all F32` is `F32` (`llama_model_ftype_name` in llama.cpp). */
function quantizationName(name: string | undefined): string | undefined {
  const found = /([A-Z]+\d+(?:_[A-Z0-9]+)*)(?: - (Small|Medium|Large))?/.exec(name ?? '');
  if (found === null) return undefined;
  const [, format = '', size] = found;
  return size === undefined ? format : `${format}_${size.charAt(0)}`;
}

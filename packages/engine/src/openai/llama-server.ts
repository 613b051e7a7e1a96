import { type Ability, type JsonObject, ShoalError } from '@shoal/protocol';
import { objectIn } from '@shoal/formats/json';
import type { ModelServer } from '../http/server.ts';

/** For what llama-server knows of itself, and for the vector of one token. */
const DESCRIPTION_TIMEOUT_MS = 10_000;
const HTTP_OK = 200;

/**
 * What a llama-server with one model can do: whether its chat template knows of tools it tells (`/props`), and whether it makes
 * vectors, which its owner decides, it tells when it is asked for one.
 */
export async function askLlamaServer(
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
    ...(props.status !== HTTP_OK || knowsTools(props.object) ? (['tools'] as const) : []),
    ...(vectors ? (['embeddings'] as const) : []),
  ];
}

/** Older versions do not tell. */
function knowsTools(props: JsonObject | undefined): boolean {
  const capabilities = objectIn(props, 'chat_template_caps');
  return capabilities === undefined || capabilities['supports_tools'] === true;
}

/** One that makes none says so at once: only one that does lets us wait until it has a slot. */
async function makesVectors(server: ModelServer, body: object, signal: AbortSignal): Promise<boolean> {
  try {
    const request = { path: 'embeddings', body, signal, timeoutMs: DESCRIPTION_TIMEOUT_MS };
    return (await server.requestObject(request)).status === HTTP_OK;
  } catch (error) {
    if (error instanceof ShoalError && error.code === 'TIMEOUT_NO_RESPONSE') return true;
    throw error;
  }
}

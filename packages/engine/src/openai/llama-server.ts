import type { Ability } from '@shoal/protocol';
import type { JsonObject } from '@shoal/protocol/json';
import { ShoalError } from '@shoal/protocol/error';
import { objectIn } from '@shoal/formats/json';
import type { ModelServer } from '../http/server.ts';

/** Enough for llama-server's properties and for the vector of one token. */
const DESCRIPTION_TIMEOUT_MS = 10_000;
const HTTP_OK = 200;

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

import type { ModelServer } from '../http/server.ts';
import { failures, refused } from './errors.ts';

/** Enough for everything but answers and vectors. */
const SMALL_REQUEST_TIMEOUT_MS = 30_000;
const HTTP_OK = 200;

/** Sends a request that is answered at once, and returns the JSON object. Throws llama-server's error. */
export async function requestJson(server: ModelServer, path: string, body: object | undefined, signal: AbortSignal) {
  const { status, object } = await server.requestObject({
    path,
    body,
    signal,
    timeoutMs: SMALL_REQUEST_TIMEOUT_MS,
  });
  if (status !== HTTP_OK) throw refused(status, object);
  if (object === undefined) throw failures.unreadable(`The response of /${path} is not a JSON object.`);
  return object;
}

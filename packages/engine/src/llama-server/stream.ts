import { parseObject } from '@shoal/formats/json';
import type { ModelServer, HttpResponse } from '../http/server.ts';
import { refused } from './errors.ts';

/** Until an answer begins: a slot may still be busy with its last request, and a prompt may be long. */
const FIRST_BYTE_TIMEOUT_MS = 300_000;
/** Well below the silence that ends a response. */
const PING_INTERVAL_S = 10;
const HTTP_OK = 200;

/** Sends a request with a streamed response. Leaving the response early ends the generation. Throws llama-server's error. */
export async function openStream(
  server: ModelServer,
  path: string,
  body: object,
  signal: AbortSignal,
): Promise<HttpResponse['body']> {
  const response = await server.request({
    path,
    body: { ...body, stream: true, sse_ping_interval: PING_INTERVAL_S },
    signal,
    timeoutMs: FIRST_BYTE_TIMEOUT_MS,
  });
  if (response.status !== HTTP_OK) throw refused(response.status, parseObject(await server.readText(response.body)));
  return response.body;
}

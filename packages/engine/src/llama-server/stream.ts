import { parseObject } from '@shoal/formats/json';
import type { ModelServer, HttpResponse } from '../http/server.ts';
import { refused } from './errors.ts';

/** Until an answer begins: a slot may still be on its way out of what it did before, and a prompt may be long. */
const FIRST_BYTE_TIMEOUT_MS = 300_000;
/** Well within the silence that ends a reply. */
const PING_INTERVAL_S = 10;
const HTTP_OK = 200;

/** A question that is answered piece by piece; leaving the reply early ends the generation. Throws what is refused. */
export async function openStream(
  server: ModelServer,
  path: string,
  body: object,
  signal: AbortSignal,
): Promise<HttpResponse['body']> {
  const reply = await server.request({
    path,
    body: { ...body, stream: true, sse_ping_interval: PING_INTERVAL_S },
    signal,
    timeoutMs: FIRST_BYTE_TIMEOUT_MS,
  });
  if (reply.status !== HTTP_OK) throw refused(reply.status, parseObject(await server.readText(reply.body)));
  return reply.body;
}

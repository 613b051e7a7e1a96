/**
 * The least that a relay of streams can do. `pipe.ts source TEXT` answers each request with the chunks of a chat completion, one
 * for each word; `pipe.ts proxy URL` passes on what that address answers. It prints its port.
 */
import { once } from 'node:events';
import { createServer, request as requestHttp, type ServerResponse } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { chunksOf } from './chunks.ts';

/** As the echo engine does. */
const CHUNKS_PER_BREATH = 64;

const [role, value = ''] = process.argv.slice(2);

const server = createServer((request, response) => {
  if (role === 'source') return void sendChunks(response);
  const outgoing = requestHttp(new URL(request.url ?? '/', value), { method: request.method }, (incoming) => {
    response.writeHead(incoming.statusCode ?? 502, incoming.headers);
    incoming.pipe(response);
  });
  request.pipe(outgoing);
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object' && address !== null) console.log(address.port);
});

async function sendChunks(response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const [index, chunk] of chunksOf(value).entries()) {
    if (!response.write(chunk)) await once(response, 'drain');
    else if (index % CHUNKS_PER_BREATH === CHUNKS_PER_BREATH - 1) await setImmediate();
  }
  response.end();
}

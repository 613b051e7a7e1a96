/**
 * A server with OpenAI's API that answers with the last message, word by word, as fast as it can: what a gateway forwards
 * requests to. It prints its port.
 */
import { createServer, type ServerResponse } from 'node:http';
import { chunksOf } from './chunks.ts';

const USAGE = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };

interface Body {
  readonly stream?: boolean | undefined;
  readonly messages: readonly { readonly content: string }[];
}

const server = createServer((request, response) => {
  if (request.method === 'GET') return sendJson(response, { object: 'list', data: [{ id: 'echo', object: 'model' }] });
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    const body: Body = JSON.parse(Buffer.concat(parts).toString());
    const text = body.messages.at(-1)?.content ?? '';
    if (body.stream === true) sendStream(response, text);
    else sendJson(response, whole(text));
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object' && address !== null) console.log(address.port);
});

function whole(text: string): object {
  const message = { role: 'assistant', content: text, refusal: null };
  const choices = [{ index: 0, message, logprobs: null, finish_reason: 'stop' }];
  return { id: 'chatcmpl-1', object: 'chat.completion', created: 1, model: 'echo', choices, usage: USAGE };
}

function sendStream(response: ServerResponse, text: string): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.end(chunksOf(text).join(''));
}

function sendJson(response: ServerResponse, body: object): void {
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': bytes.length }).end(bytes);
}

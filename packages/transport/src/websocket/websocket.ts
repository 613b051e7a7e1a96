import type { Socket } from 'node:net';
import { ShoalError } from '@shoal/protocol/error';
import { WebSocket } from 'ws';
import type { Connection } from '../connection.ts';
import { WebSocketConnection } from './connection.ts';

export { listenWebSocket, type WebSocketListenOptions } from './listener.ts';

export interface WebSocketDialOptions {
  /** `ws://…` or `wss://…` */
  readonly url: string;
  readonly timeoutMs: number;
  /** The longest message that is accepted. */
  readonly maxPayloadBytes: number;
  /** Cancels the dial. */
  readonly signal?: AbortSignal | undefined;
}

/** Connects to a WebSocket server. Throws `CONNECT_FAILED` if it does not open in time. */
export function dialWebSocket({ url, timeoutMs, maxPayloadBytes, signal }: WebSocketDialOptions): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(url, { perMessageDeflate: false, maxPayload: maxPayloadBytes, autoPong: false });
    const timer = setTimeout(() => fail(`did not answer within ${timeoutMs} ms`), timeoutMs);
    const refused = (cause: Error) => fail('refused the connection or cannot be reached', cause);
    const cancelled = (): void => fail('was not reached before the dial was cancelled');
    let socket: Socket | undefined;

    function settle(): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancelled);
      ws.off('error', refused);
    }

    function fail(why: string, cause?: Error): void {
      settle();
      // `terminate` emits another error, which is ignored.
      ws.on('error', () => undefined);
      ws.terminate();
      reject(new ShoalError('CONNECT_FAILED', `${url} ${why}.`, { cause }));
    }

    ws.once('error', refused);
    ws.once('unexpected-response', (_request, response) =>
      fail(`answered ${response.statusCode} and is not a WebSocket`),
    );
    ws.once('upgrade', (response) => {
      socket = response.socket;
    });
    signal?.addEventListener('abort', cancelled);
    ws.once('open', () => {
      settle();
      if (socket === undefined) return fail('opened without a socket');
      resolve(new WebSocketConnection({ ws, socket, address: url, initiator: true }));
    });
  });
}

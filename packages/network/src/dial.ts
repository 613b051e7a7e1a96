import type { Connection } from '@shoal/transport';
import { dialTcp } from '@shoal/transport/tcp';
import { dialWebSocket } from '@shoal/transport/websocket';
import type { PeerAddress } from './peer-address.ts';

export interface DialOptions {
  readonly timeoutMs: number;
  readonly maxPayloadBytes: number;
  /** Cancels the dial. */
  readonly signal: AbortSignal;
}

/** Throws `INVALID_REQUEST` for an address that this platform cannot dial. Node can dial all of them. */
export function checkDialable(_address: PeerAddress): void {}

/** Throws `CONNECT_FAILED`. */
export function dial(address: PeerAddress, options: DialOptions): Promise<Connection> {
  if (address.type === 'websocket') return dialWebSocket({ url: address.text, ...options });
  return dialTcp({ host: address.host, port: address.port, ...options });
}

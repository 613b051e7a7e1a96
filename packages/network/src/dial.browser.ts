import { ShoalError } from '@shoal/protocol/error';
import type { Connection } from '@shoal/transport';
import { dialWebSocket } from '@shoal/transport/websocket';
import type { DialOptions } from './dial.ts';
import type { PeerAddress } from './peer-address.ts';

/** Throws `INVALID_REQUEST` for an address that a web page cannot dial. */
export function checkDialable(address: PeerAddress): void {
  if (address.type === 'websocket') return;
  throw ShoalError.invalidRequest(`A web page cannot dial ${address.text}: give it a ws: or wss: address.`);
}

/** Throws `CONNECT_FAILED`. */
export function dial(address: PeerAddress, options: DialOptions): Promise<Connection> {
  return dialWebSocket({ url: address.text, ...options });
}

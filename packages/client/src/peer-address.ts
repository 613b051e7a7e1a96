import { ShoalError } from '@shoal/protocol';
import { WEBSOCKET_PATH } from '@shoal/protocol/shoal';

/** Where a peer is dialled. `text` is what people read of it, and tells one peer from another. */
export type PeerAddress =
  | { readonly type: 'websocket'; readonly text: string }
  | { readonly type: 'tcp'; readonly text: string; readonly host: string; readonly port: number };

/**
 * Reads `ws://host:port/path`, `wss://host:port/path` (the path is `/shoal/v1` where there is none) and `tcp://host:port`.
 * Throws `INVALID_REQUEST` for anything else.
 */
export function parsePeerAddress(text: string): PeerAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // Whoever puts a secret into an address will find it in a log.
  if (url === undefined || url.hostname === '' || url.username !== '' || url.password !== '' || url.hash !== '') {
    throw noAddress(text);
  }
  switch (url.protocol) {
    case 'ws:':
    case 'wss:':
      if (url.pathname === '/') url.pathname = WEBSOCKET_PATH;
      return { type: 'websocket', text: url.href };
    case 'tcp:':
      return tcpAddress(text, url);
    default:
      throw noAddress(text);
  }
}

function tcpAddress(text: string, { hostname, port, pathname, search }: URL): PeerAddress {
  const isWhole = port !== '' && port !== '0' && (pathname === '' || pathname === '/') && search === '';
  if (!isWhole) throw noAddress(text);
  const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  return { type: 'tcp', text: `tcp://${hostname}:${port}`, host, port: Number(port) };
}

function noAddress(text: string): ShoalError {
  return ShoalError.invalidRequest(
    `"${text}" is no address of a peer: write ws://HOST:PORT, wss://HOST or tcp://HOST:PORT.`,
  );
}

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
  if (/[@?#]/.test(text)) throw secretive();
  if (url === undefined || url.hostname === '') throw noAddress(text);
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

function tcpAddress(text: string, { hostname, port, pathname }: URL): PeerAddress {
  const isWhole = port !== '' && port !== '0' && (pathname === '' || pathname === '/');
  if (!isWhole) throw noAddress(text);
  const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  return { type: 'tcp', text: `tcp://${hostname}:${port}`, host, port: Number(port) };
}

/** Whoever puts a secret into an address would find it in a log, and so it is not said again. */
function secretive(): ShoalError {
  return ShoalError.invalidRequest(
    'The address of a peer has no name, password, question mark or hash: write ws://HOST:PORT, wss://HOST or tcp://HOST:PORT. ' +
      'A token goes by itself.',
  );
}

function noAddress(text: string): ShoalError {
  return ShoalError.invalidRequest(
    `"${text}" is no address of a peer: write ws://HOST:PORT, wss://HOST or tcp://HOST:PORT.`,
  );
}

import { ShoalError } from '@shoal/protocol/error';
import { WEBSOCKET_PATH } from '@shoal/protocol/shoal';

/** The address at which a peer is dialled. `text` is its canonical form, which identifies the peer. */
export type PeerAddress =
  | { readonly type: 'websocket'; readonly text: string }
  | { readonly type: 'tcp'; readonly text: string; readonly host: string; readonly port: number };

/**
 * Parses `ws://host:port/path`, `wss://host:port/path` (default path: `/shoal/v1`) and `tcp://host:port`.
 * Throws `INVALID_REQUEST` for anything else.
 */
export function parsePeerAddress(text: string): PeerAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (/[@?#]/.test(text)) throw secretAddress();
  if (url === undefined || url.hostname === '') throw invalidAddress(text);
  switch (url.protocol) {
    case 'ws:':
    case 'wss:':
      if (url.pathname === '/') url.pathname = WEBSOCKET_PATH;
      return { type: 'websocket', text: url.href };
    case 'tcp:':
      return tcpAddress(text, url);
    default:
      throw invalidAddress(text);
  }
}

function tcpAddress(text: string, { hostname, port, pathname }: URL): PeerAddress {
  const isWhole = port !== '' && port !== '0' && (pathname === '' || pathname === '/');
  if (!isWhole) throw invalidAddress(text);
  const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  return { type: 'tcp', text: `tcp://${hostname}:${port}`, host, port: Number(port) };
}

/** The message does not repeat the address, because it may contain a secret and messages are logged. */
function secretAddress(): ShoalError {
  return ShoalError.invalidRequest(
    'The address of a peer has no user name, password, question mark or hash: write ws://HOST:PORT, wss://HOST or tcp://HOST:PORT. ' +
      'Give a token separately.',
  );
}

function invalidAddress(text: string): ShoalError {
  return ShoalError.invalidRequest(
    `"${text}" is not the address of a peer: write ws://HOST:PORT, wss://HOST or tcp://HOST:PORT.`,
  );
}

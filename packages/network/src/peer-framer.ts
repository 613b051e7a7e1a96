import { type Framer, messageFramer, ndjsonFramer } from '@shoal/protocol';
import { MAX_REQUEST_BYTES } from '@shoal/protocol/shoal';
import type { Remote } from '@shoal/transport';

/** Returns a new framer for `shoal/1` over a transport: one message per WebSocket message, one line elsewhere. */
export function framerFor(transport: Remote['transport']): Framer {
  return transport === 'websocket' ? messageFramer(MAX_REQUEST_BYTES) : ndjsonFramer(MAX_REQUEST_BYTES);
}

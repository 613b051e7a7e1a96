import type { Framer } from '../framing/framer.ts';
import { lengthPrefixFramer } from '../framing/length-prefix.ts';
import { ClientSession, ServerSession } from '../client-server-session.ts';
import { QmeshClient, type QmeshClientOptions } from './client.ts';
import { MAX_FRAME_BYTES, MAX_PROMPT_BYTES } from './messages.ts';
import { QmeshServer, type QmeshServerOptions } from './server.ts';

/** Returns a worker's end of a connection. */
export function qmeshServerSession(options: QmeshServerOptions): ServerSession<QmeshServer> {
  return new ServerSession(framer(MAX_PROMPT_BYTES), (encode, nextId) => new QmeshServer(encode, nextId, options));
}

/** Returns a client's end of a connection. */
export function qmeshClientSession(options: QmeshClientOptions): ClientSession<QmeshClient> {
  return new ClientSession(framer(MAX_FRAME_BYTES), (encode) => new QmeshClient(encode, options));
}

/** `storeLimit` is the longest message that this end can use, in bytes. A frame of length 0 is valid and has no message. It does not end the connection. */
function framer(storeLimit: number): Framer {
  return lengthPrefixFramer({ endianness: 'big', limit: MAX_FRAME_BYTES, storeLimit, emptyFrame: 'frame' });
}

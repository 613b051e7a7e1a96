import { ndjsonFramer } from '../framing/ndjson.ts';
import { ClientSession, ServerSession } from '../client-server-session.ts';
import { LocalLlmClient } from './client.ts';
import { MAX_HOST_LINE_BYTES, MAX_LINE_BYTES } from './messages.ts';
import { LocalLlmServer, type LocalLlmServerOptions } from './server.ts';

/** Returns the host's end of a connection. */
export function localLlmServerSession(options: LocalLlmServerOptions): ServerSession<LocalLlmServer> {
  return new ServerSession(
    ndjsonFramer(MAX_LINE_BYTES),
    (encode, nextId) => new LocalLlmServer(encode, nextId, options),
  );
}

/** Returns the client's end of a connection. */
export function localLlmClientSession(): ClientSession<LocalLlmClient> {
  return new ClientSession(ndjsonFramer(MAX_HOST_LINE_BYTES), (encode) => new LocalLlmClient(encode));
}

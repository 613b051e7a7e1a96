import { ClientSession, ServerSession } from '../client-server-session.ts';
import { DonateClient } from './client.ts';
import { donateFramer } from './messages.ts';
import { DonateServer, type DonateServerOptions } from './server.ts';
import type { UploadEvent } from './upload.ts';

/** The node's end of a connection. */
export function donateServerSession(options: DonateServerOptions): ServerSession<DonateServer, UploadEvent> {
  return new ServerSession<DonateServer, UploadEvent>(
    donateFramer(),
    (encode, nextId) => new DonateServer(encode, nextId, options),
  );
}

/** The client's end of a connection. */
export function donateClientSession(): ClientSession<DonateClient> {
  return new ClientSession(donateFramer(), (encode) => new DonateClient(encode));
}

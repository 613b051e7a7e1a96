import { ClientSession, ServerSession } from '../client-server-session.ts';
import { DonateClient } from './client.ts';
import { donateFramer, MAX_JOB_BYTES, MAX_RESULT_BYTES } from './messages.ts';
import { DonateServer, type DonateServerOptions } from './server.ts';
import type { UploadEvent } from './upload.ts';

/** The node's end of a connection. */
export function donateServerSession(options: DonateServerOptions): ServerSession<DonateServer, UploadEvent> {
  return new ServerSession<DonateServer, UploadEvent>(
    donateFramer(MAX_JOB_BYTES),
    (encode, nextId) => new DonateServer(encode, nextId, options),
  );
}

/** The client's end of a connection. */
export function donateClientSession(): ClientSession<DonateClient> {
  return new ClientSession(donateFramer(MAX_RESULT_BYTES), (encode) => new DonateClient(encode));
}

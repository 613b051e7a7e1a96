import type { AddressInfo, Server } from 'node:net';
import { ShoalError } from '@shoal/protocol';

export interface BoundAddress {
  readonly host: string;
  readonly port: number;
}

/** What a listener of any kind can be told and asked. */
export interface Listener {
  address(): BoundAddress;
  /** Stops listening and closes every connection that came this way, each within `CLOSE_GRACE_MS`. */
  close(): Promise<void>;
}

/** Resolves once the server listens. Rejects with `INVALID_REQUEST`, saying what to change, where it cannot. */
export function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException) => reject(listenError(host, port, cause));
    server.once('error', failed);
    server.listen({ host, port }, () => {
      server.off('error', failed);
      // One connection that could not be accepted (no descriptor left) is lost; the listener goes on.
      server.on('error', () => undefined);
      resolve();
    });
  });
}

export function boundAddress(server: Server): BoundAddress {
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === 'string') throw new ShoalError('INTERNAL', 'The listener is closed.');
  return { host: address.address, port: address.port };
}

/** An IPv4 address that came through an IPv6 socket, as IPv4. */
export function plainAddress(address: string | undefined): string {
  return (address ?? 'unknown').replace(/^::ffff:(?=\d+\.)/, '');
}

const LISTEN_FAULTS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is taken by another program; stop that one, or choose another port (0 picks a free one)',
  EACCES: 'this port needs an administrator; choose one above 1023',
  EADDRNOTAVAIL: 'this machine has no such address; choose another host',
  ENOTFOUND: 'there is no such host; choose another',
};

function listenError(host: string, port: number, cause: NodeJS.ErrnoException): ShoalError {
  const why = LISTEN_FAULTS[cause.code ?? ''] ?? cause.code ?? 'the system does not say why';
  return new ShoalError('INVALID_REQUEST', `Cannot listen on ${host}:${port}: ${why}.`, { cause });
}

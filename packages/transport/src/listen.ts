import type { AddressInfo, Server } from 'node:net';
import { ShoalError } from '@shoal/protocol/error';

export interface BoundAddress {
  readonly host: string;
  readonly port: number;
}

/** A server socket that accepts connections. */
export interface Listener {
  address(): BoundAddress;
  /** Stops listening and closes every connection that it accepted, each within `CLOSE_GRACE_MS`. */
  close(): Promise<void>;
}

/** Resolves once the server listens. Rejects with `INVALID_REQUEST` and the reason if it cannot. */
export function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException) => reject(listenError(host, port, cause));
    server.once('error', failed);
    server.listen({ host, port }, () => {
      server.off('error', failed);
      // A connection that cannot be accepted (no file descriptor left) is lost; the listener goes on.
      server.on('error', () => undefined);
      resolve();
    });
  });
}

/** Returns the address of a server that listens. Throws `INTERNAL` if it is closed. */
export function boundAddress(server: Server): BoundAddress {
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === 'string') throw new ShoalError('INTERNAL', 'The listener is closed.');
  return { host: address.address, port: address.port };
}

/** Returns the address without the IPv6 prefix that an IPv6 socket adds to IPv4 addresses. */
export function plainAddress(address: string | undefined): string {
  return (address ?? 'unknown').replace(/^::ffff:(?=\d+\.)/, '');
}

const LISTEN_FAULTS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is taken by another program; stop it, or choose another port (0 picks a free one)',
  EACCES: 'only an administrator may use this port; choose one above 1023',
  EADDRNOTAVAIL: 'this machine has no such address; choose another host',
  ENOTFOUND: 'the host does not exist; choose another',
};

function listenError(host: string, port: number, cause: NodeJS.ErrnoException): ShoalError {
  const why = LISTEN_FAULTS[cause.code ?? ''] ?? cause.code ?? 'unknown error';
  return new ShoalError('INVALID_REQUEST', `Cannot listen on ${host}:${port}: ${why}.`, { cause });
}

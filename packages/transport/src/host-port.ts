import { ShoalError } from '@shoal/protocol/error';
import { isLoopback } from './loopback.ts';

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Parses `host:port` with a host name or an IPv4 address: the DHT has no IPv6. Throws `INVALID_REQUEST`. */
export function parseHostPort(text: string): HostPort {
  const match = /^([A-Za-z0-9.-]+):(\d{1,5})$/.exec(text);
  const host = match?.[1];
  const port = Number(match?.[2]);
  if (host === undefined || port < 1 || port > 65_535) {
    throw ShoalError.invalidRequest(`"${text}" is not a DHT address. Use host:port, for example 192.168.1.5:49737.`);
  }
  return { host, port };
}

export function isIpv4(host: string): boolean {
  return /^(\d{1,3})(\.\d{1,3}){3}$/.test(host) && host.split('.').every((part) => Number(part) <= 255);
}

/**
 * An empty range: the system chooses the port. HyperDHT's own choice is 49737 to 49741. On one machine a new node then gets the
 * port of one that has just ended, whose network takes it for its own, and lookups wait six seconds for dead nodes of that
 * network.
 */
const SYSTEM_PORT = [0, 0] as const;

export interface NodeBinding {
  /** The address to bind. */
  readonly host: string;
  /** A range of ports. Undefined: that of the DHT. */
  readonly port?: typeof SYSTEM_PORT;
  /** False if every peer can reach the node's address. Undefined: the DHT finds out by itself. */
  readonly firewalled?: false;
}

/**
 * Returns the binding of a node that enters a DHT through these hosts. Nodes of one machine must bind the loopback address:
 * if they bind all addresses, they find each other but their streams time out. In a private network no node is behind an
 * address translator. The DHT cannot detect this with a handful of nodes, and two nodes that both assume a firewall fail to
 * connect.
 */
export function bindingFor(hosts: readonly string[]): NodeBinding {
  if (hosts.length === 0 || !hosts.every((host) => isPrivate(host))) return { host: '0.0.0.0' };
  if (hosts.every((host) => isLoopback(host))) return { host: '127.0.0.1', port: SYSTEM_PORT, firewalled: false };
  return { host: '0.0.0.0', firewalled: false };
}

/** Addresses that the internet does not route (RFC 6890): private, link-local, shared and documentation. */
const PRIVATE_NETWORKS = [
  /^10\./,
  /^172\.(1[6-9]|2\d|3[01])\./,
  /^192\.168\./,
  /^169\.254\./,
  /^100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\./,
  /^(192\.0\.2|198\.51\.100|203\.0\.113)\./,
];

function isPrivate(host: string): boolean {
  return isLoopback(host) || (isIpv4(host) && PRIVATE_NETWORKS.some((network) => network.test(host)));
}

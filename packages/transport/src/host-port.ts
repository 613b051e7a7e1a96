import { ShoalError } from '@shoal/protocol';
import { isLoopback } from './caps.ts';

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** `host:port`, where the host is a name or an IPv4 address (the DHT has no other). Throws `INVALID_REQUEST`. */
export function parseHostPort(text: string): HostPort {
  const match = /^([A-Za-z0-9.-]+):(\d{1,5})$/.exec(text);
  const host = match?.[1];
  const port = Number(match?.[2]);
  if (host === undefined || port < 1 || port > 65_535) {
    throw ShoalError.invalidRequest(`"${text}" is no DHT address: write host:port, such as 192.168.1.5:49737.`);
  }
  return { host, port };
}

export function isIpv4(host: string): boolean {
  return /^(\d{1,3})(\.\d{1,3}){3}$/.test(host) && host.split('.').every((part) => Number(part) <= 255);
}

export interface NodeBinding {
  readonly host: string;
  /** False claims that whoever knows the node's address reaches it; left out, the DHT finds out by itself. */
  readonly firewalled?: false;
}

/**
 * How a node binds that these hosts lead into a DHT. Among the nodes of one machine it must be the loopback address:
 * bound to every address, they find each other and then their streams time out. In a private network nobody sits behind
 * an address translator; the DHT cannot find that out by asking a handful of nodes, and two that both believe in a
 * firewall fail to get through it.
 */
export function bindingFor(hosts: readonly string[]): NodeBinding {
  if (hosts.length === 0 || !hosts.every((host) => isPrivate(host))) return { host: '0.0.0.0' };
  return { host: hosts.every((host) => isLoopback(host)) ? '127.0.0.1' : '0.0.0.0', firewalled: false };
}

/** Addresses that the internet does not route (RFC 6890): loopback, private, link-local, shared and documentation. */
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

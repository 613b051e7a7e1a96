import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { ShoalError } from '@shoal/protocol';

export interface Address {
  readonly address: string;
  readonly family: number;
}

/** Finds the addresses of a host; the system's own way where tests give no other. */
export type Resolve = (host: string) => Promise<readonly Address[]>;

/**
 * What no stranger's link may lead to: this machine, its networks, and addresses that carry another one within
 * (IANA's special-purpose registries). IPv4 in IPv6's clothes is checked as what it is.
 */
const NOT_PUBLIC: readonly (readonly [network: string, bits: number, family: 'ipv4' | 'ipv6'])[] = [
  ['0.0.0.0', 8, 'ipv4'],
  ['10.0.0.0', 8, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['127.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.0.0.0', 24, 'ipv4'],
  ['192.0.2.0', 24, 'ipv4'],
  ['192.88.99.0', 24, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['198.18.0.0', 15, 'ipv4'],
  ['198.51.100.0', 24, 'ipv4'],
  ['203.0.113.0', 24, 'ipv4'],
  ['224.0.0.0', 3, 'ipv4'],
  ['2001::', 23, 'ipv6'],
  ['2001:db8::', 32, 'ipv6'],
  ['2002::', 16, 'ipv6'],
  ['3fff::', 20, 'ipv6'],
];

const blocked = new BlockList();
for (const [network, bits, family] of NOT_PUBLIC) blocked.addSubnet(network, bits, family);

/** All that is routed publicly in IPv6 so far, and IPv4 written as IPv6, which the list above knows. */
const routed = new BlockList();
routed.addSubnet('2000::', 3, 'ipv6');
routed.addSubnet('::ffff:0:0', 96, 'ipv6');

export function isPublic(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !blocked.check(address, 'ipv4');
    case 6:
      return routed.check(address, 'ipv6') && !blocked.check(address, 'ipv6');
    default:
      return false;
  }
}

/** Where requests may go. */
export interface Policy {
  /** `host` or `host:port`: these may be private, and may speak plain http. */
  readonly allowedHosts: readonly string[];
  readonly resolve?: Resolve | undefined;
}

/**
 * The addresses to connect to for a URL, and to no others: whoever resolves again may be told something else. Throws
 * `INVALID_REQUEST` for what may not be asked, `CONNECT_FAILED` for a name that nobody knows.
 */
export async function addressesFor(
  url: URL,
  { allowedHosts, resolve = resolveBySystem }: Policy,
): Promise<readonly Address[]> {
  const isAllowed = allowedHosts.includes(url.hostname) || allowedHosts.includes(hostAndPort(url));
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isAllowed)) {
    throw ShoalError.invalidRequest(
      `${url.hostname === '' ? 'That link' : url.hostname} is to be asked over ${url.protocol.slice(0, -1)}, and only https is safe. ` +
        'Use https, or allow the host by name.',
    );
  }
  if (url.username !== '' || url.password !== '') {
    throw ShoalError.invalidRequest('A link with a name or password in it is not used.');
  }
  // WHATWG's parser has turned decimal, octal and hexadecimal forms into the usual one.
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const family = isIP(host);
  const addresses = family === 0 ? await find(host, resolve) : [{ address: host, family }];
  if (!isAllowed && !addresses.every(({ address }) => isPublic(address))) {
    throw ShoalError.invalidRequest(
      `${url.hostname} lies in a private network or on this machine, and is not asked for models. If you trust it, allow it by name.`,
    );
  }
  return addresses;
}

/** With the port, also where it is the usual one. */
export function hostAndPort(url: URL): string {
  const usual = url.protocol === 'https:' ? '443' : '80';
  return `${url.hostname}:${url.port === '' ? usual : url.port}`;
}

async function find(host: string, resolve: Resolve): Promise<readonly Address[]> {
  try {
    const addresses = await resolve(host);
    if (addresses.length > 0) return addresses;
  } catch (error) {
    throw new ShoalError('CONNECT_FAILED', `${host} cannot be found. Is the name right, and this machine online?`, {
      cause: error,
    });
  }
  throw new ShoalError('CONNECT_FAILED', `${host} has no address.`);
}

function resolveBySystem(host: string): Promise<readonly Address[]> {
  return lookup(host, { all: true });
}

import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { ShoalError } from '@shoal/protocol/error';

export interface Address {
  readonly address: string;
  readonly family: number;
}

/** Resolves a host name. Default: the system's resolver. */
export type Resolve = (host: string) => Promise<readonly Address[]>;

/**
 * Networks that a link must not lead to: this machine, private networks, and IPv6 ranges that embed IPv4 addresses
 * (IANA's special-purpose address registries). IPv4-mapped IPv6 addresses are checked as IPv4.
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

/** The IPv6 range that is publicly routed, and IPv4-mapped addresses, which the list above covers. */
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

/** Which servers requests may go to. */
export interface Policy {
  /** Each `host` or `host:port` may be private and may use plain http. */
  readonly allowedHosts: readonly string[];
  readonly resolve?: Resolve | undefined;
}

/**
 * Resolves and checks the addresses of a URL. The connection must use these: a second lookup could return others. Throws
 * `INVALID_REQUEST` for a URL outside the policy, `CONNECT_FAILED` if the name cannot be resolved.
 */
export async function addressesFor(
  url: URL,
  { allowedHosts, resolve = resolveBySystem }: Policy,
): Promise<readonly Address[]> {
  const isAllowed = allowedHosts.includes(url.hostname) || allowedHosts.includes(hostAndPort(url));
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isAllowed)) {
    throw ShoalError.invalidRequest(
      `${url.hostname === '' ? 'That link' : url.hostname} would be used over ${url.protocol.slice(0, -1)}, and only https is safe. ` +
        'Use https, or allow the host by name.',
    );
  }
  if (url.username !== '' || url.password !== '') {
    throw ShoalError.invalidRequest('A link must not contain a user name or password. Remove them.');
  }
  // The WHATWG parser has normalised decimal, octal and hexadecimal forms.
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const family = isIP(host);
  const addresses = family === 0 ? await resolveHost(host, resolve) : [{ address: host, family }];
  if (!isAllowed && !addresses.every(({ address }) => isPublic(address))) {
    throw ShoalError.invalidRequest(
      `${url.hostname} is in a private network or on this machine, so no model is pulled from it. If you trust it, allow it by name.`,
    );
  }
  return addresses;
}

/** `host:port`, with the default port too. */
export function hostAndPort(url: URL): string {
  const defaultPort = url.protocol === 'https:' ? '443' : '80';
  return `${url.hostname}:${url.port === '' ? defaultPort : url.port}`;
}

async function resolveHost(host: string, resolve: Resolve): Promise<readonly Address[]> {
  try {
    const addresses = await resolve(host);
    if (addresses.length > 0) return addresses;
  } catch (error) {
    throw new ShoalError(
      'CONNECT_FAILED',
      `${host} cannot be found. Check the name, and that this machine is online.`,
      {
        cause: error,
      },
    );
  }
  throw new ShoalError('CONNECT_FAILED', `${host} has no address.`);
}

function resolveBySystem(host: string): Promise<readonly Address[]> {
  return lookup(host, { all: true });
}

/** The leading 16-bit groups of an IPv6 address that one network has. Its owner has all addresses that begin so. */
const IPV6_NETWORK_GROUPS = 4;

/** Returns the address itself, for IPv6 its network of 64 bits. */
export function hostGroup(host: string): string {
  if (!host.includes(':')) return host;
  const [head = '', tail] = host.replace(/^\[|\]$/g, '').split('::');
  const groups = (part: string): string[] => part.split(':').filter((group) => group !== '');
  const known = [...groups(head), ...groups(tail ?? '')].length;
  const omitted = tail === undefined ? 0 : 8 - known;
  const all = [...groups(head), ...Array.from({ length: omitted }, () => '0'), ...groups(tail ?? '')];
  return `${all.slice(0, IPV6_NETWORK_GROUPS).join(':')}::`;
}

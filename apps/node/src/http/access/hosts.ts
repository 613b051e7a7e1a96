import { isIP } from 'node:net';
import { isLoopback } from '@shoal/transport';

const HTTP_PORT = 80;
const HOST_HEADER = /^(\[[^[\]]+\]|[^:[\]]+)(?::(\d{1,5}))?$/;

/** The kind of name by which a caller reached this API. */
export type HostKind =
  /** A loopback name, with the port of this API. */
  | 'loopback'
  /** An address or a name of this machine, with the port of this API. */
  | 'machine'
  /** A name of the setting `apiHosts`: a proxy of any port may be in between. */
  | 'configured';

export interface HostOptions {
  /** The address that the API listens on. */
  readonly host: string;
  readonly machineName: string;
  readonly apiHosts: readonly string[];
}

/**
 * Returns the kind of a Host header, or undefined if it is not accepted. A page that rebinds its DNS name to this machine
 * sends its own name, so names must be known. Addresses cannot be rebound: if the API listens on more than loopback, all of
 * them are accepted.
 */
export function createHostCheck(options: HostOptions): (host: string, port: number) => HostKind | undefined {
  const configured = new Set(options.apiHosts.map((name) => name.toLowerCase()));
  const machine = isLoopback(options.host) ? undefined : namesOfMachine(options);
  return (host, port) => {
    const [, bracketed, portText] = HOST_HEADER.exec(host.toLowerCase()) ?? [];
    if (bracketed === undefined) return undefined;
    const name = bracketed.replace(/^\[|\]$/g, '');
    if (configured.has(name)) return 'configured';
    if (Number(portText ?? HTTP_PORT) !== port) return undefined;
    if (isLoopback(name)) return 'loopback';
    return machine !== undefined && (isIP(name) !== 0 || machine.has(name)) ? 'machine' : undefined;
  };
}

/** The name that it listens on, and the names under which other machines find this one by DNS and mDNS. */
function namesOfMachine({ host, machineName }: HostOptions): ReadonlySet<string> {
  const name = machineName.toLowerCase();
  return new Set([host.toLowerCase(), name, `${name}.local`]);
}

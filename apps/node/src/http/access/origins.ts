import type { IncomingHttpHeaders } from 'node:http';
import type { HostKind } from './hosts.ts';

/** Values of Sec-Fetch-Site for calls that no other page has caused. */
const OWN_SITES = ['same-origin', 'none'];

export interface OriginOptions {
  /** The setting `apiOrigins`. */
  readonly apiOrigins: readonly string[];
  readonly hostKind: (host: string, port: number) => HostKind | undefined;
}

/** A call whose Host header was accepted. */
export interface HostedCall {
  readonly headers: IncomingHttpHeaders;
  readonly port: number;
  readonly host: string;
  readonly hostKind: HostKind;
}

/**
 * Returns true for calls of programs and accepted web pages, false for those of foreign pages. Browsers send no Origin with
 * images, links and other plain GETs, but tell by Sec-Fetch-Site that another page has caused them.
 */
export function createOriginCheck(options: OriginOptions): (call: HostedCall) => boolean {
  const origins = new Set(options.apiOrigins);
  return (call) => {
    const { origin, 'sec-fetch-site': site } = call.headers;
    if (origin === undefined) return site === undefined || OWN_SITES.includes(String(site));
    return origins.has(origin) || isOfOpenScheme(origin, origins) || isOwn(origin, call, options);
  };
}

/** True for `vscode-webview://1234` if `vscode-webview://*` is accepted. */
function isOfOpenScheme(origin: string, origins: ReadonlySet<string>): boolean {
  const end = origin.indexOf('://');
  return end > 0 && origins.has(`${origin.slice(0, end)}://*`);
}

/**
 * True for a page that this API has served. Of two loopback names one is as good as the other. Any other origin must be the
 * host of the call, because a foreign machine may serve pages on the same port.
 */
function isOwn(origin: string, { port, host, hostKind }: HostedCall, options: OriginOptions): boolean {
  const [, scheme, name = ''] = /^(https?):\/\/(.*)$/.exec(origin) ?? [];
  if (scheme === undefined) return false;
  if (hostKind === 'configured') return name === host.toLowerCase();
  if (scheme === 'https') return false;
  return name === host.toLowerCase() || (hostKind === 'loopback' && options.hostKind(name, port) === 'loopback');
}

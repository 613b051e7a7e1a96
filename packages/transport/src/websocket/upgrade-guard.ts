import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { isLoopback } from '../loopback.ts';

export interface UpgradeGuardOptions {
  /** The address that the listener binds. */
  readonly host: string;
  readonly path: string;
  /** Further names in `Host` that are accepted, for example that of a reverse proxy. */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Origins of web pages that may connect, for example `https://example.org`. Default: this machine's and the same host's. */
  readonly allowedOrigins?: readonly string[] | undefined;
}

export interface UpgradeRefusal {
  readonly status: 403 | 404;
  readonly why: string;
}

/** Checks the head of a request. Returns undefined if it is accepted. */
export type UpgradeGuard = (request: IncomingMessage) => UpgradeRefusal | undefined;

/**
 * Returns a guard that refuses web pages of other origins. A page can open a WebSocket to any address, this machine's too. Its
 * browser sends the page's origin in `Origin`, and in `Host` the name that the page used, which a foreign page can have made
 * to resolve to this machine (DNS rebinding). Programs send no `Origin`.
 */
export function createUpgradeGuard(options: UpgradeGuardOptions): UpgradeGuard {
  const names = new Set((options.allowedHosts ?? []).map((name) => name.toLowerCase()));
  const isLocal = isLoopback(options.host);

  /** IP addresses are accepted because DNS rebinding needs a name. */
  function isOwnName(name: string): boolean {
    return names.has(name) || isLoopback(name) || (!isLocal && isIP(name) !== 0);
  }

  function mayConnect(origin: string, host: string): boolean {
    if (options.allowedOrigins !== undefined) return options.allowedOrigins.includes(origin);
    if (!URL.canParse(origin)) return false;
    const page = new URL(origin);
    return page.host === host || isLoopback(withoutBrackets(page.hostname));
  }

  return ({ headers, url }) => {
    const host = (headers.host ?? '').toLowerCase();
    if (!isOwnName(nameOf(host))) return refuse(403, 'This server does not have the name in Host.');
    if (headers.origin !== undefined && !mayConnect(headers.origin, host)) {
      return refuse(403, 'Pages of this origin may not connect here.');
    }
    if (url !== options.path) return refuse(404, `Not found. This server has only ${options.path}.`);
    return undefined;
  };
}

function refuse(status: UpgradeRefusal['status'], why: string): UpgradeRefusal {
  return { status, why };
}

/** Returns the name of `name` or `name:port`. An IPv6 address is in brackets. */
function nameOf(host: string): string {
  return withoutBrackets(host.replace(/:\d{1,5}$/, ''));
}

function withoutBrackets(name: string): string {
  return name.startsWith('[') && name.endsWith(']') ? name.slice(1, -1) : name;
}

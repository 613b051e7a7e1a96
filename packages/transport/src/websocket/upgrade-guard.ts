import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { isLoopback } from '../caps.ts';

export interface UpgradeGuardOptions {
  /** The address that is listened on. */
  readonly host: string;
  readonly path: string;
  /** Names beside this machine's own under which it is reached, such as that of a proxy before it. */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Origins of web pages that may connect, `https://example.org` each; absent: this machine's and those of the same host. */
  readonly allowedOrigins?: readonly string[] | undefined;
}

export interface UpgradeRefusal {
  readonly status: 403 | 404;
  readonly why: string;
}

/** Decides on a request's head alone; undefined lets it in. */
export type UpgradeGuard = (request: IncomingMessage) => UpgradeRefusal | undefined;

/**
 * Keeps web pages of others out. A page may open a WebSocket to any address, this machine's too: its browser then names the
 * page in `Origin`, and in `Host` the name that the page used, which a foreign page can have pointed at this machine.
 * Programs send no `Origin`.
 */
export function createUpgradeGuard(options: UpgradeGuardOptions): UpgradeGuard {
  const names = new Set((options.allowedHosts ?? []).map((name) => name.toLowerCase()));
  const isLocal = isLoopback(options.host);

  /** A number is no name that somebody could have pointed here. */
  function isOurs(name: string): boolean {
    return names.has(name) || isLoopback(name) || (!isLocal && isIP(name) !== 0);
  }

  function mayConnect(origin: string, host: string): boolean {
    if (options.allowedOrigins !== undefined) return options.allowedOrigins.includes(origin);
    if (!URL.canParse(origin)) return false;
    const page = new URL(origin);
    return page.host === host || isLoopback(bare(page.hostname));
  }

  return ({ headers, url }) => {
    const host = (headers.host ?? '').toLowerCase();
    if (!isOurs(nameOf(host))) return refuse(403, 'This door is not known by the name in Host.');
    if (headers.origin !== undefined && !mayConnect(headers.origin, host)) {
      return refuse(403, 'Pages of this origin may not connect here.');
    }
    if (url !== options.path) return refuse(404, `There is nothing here but ${options.path}.`);
    return undefined;
  };
}

function refuse(status: UpgradeRefusal['status'], why: string): UpgradeRefusal {
  return { status, why };
}

/** `name` or `name:port`, where an IPv6 address stands in brackets. */
function nameOf(host: string): string {
  return bare(host.replace(/:\d{1,5}$/, ''));
}

function bare(name: string): string {
  return name.startsWith('[') && name.endsWith(']') ? name.slice(1, -1) : name;
}

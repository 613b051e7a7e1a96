import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { ShoalError } from '@shoal/protocol';

/** Names under which the API is called. Any other is a page of somebody else whose name was pointed at this machine. */
const HOSTS = ['127.0.0.1', 'localhost'];

/** A call that is refused before its body is read. */
interface Refusal {
  readonly status: 401 | 403;
  readonly error: ShoalError;
}

/** Decides on a call's headers alone; undefined lets it in. */
export type Guard = (headers: IncomingHttpHeaders, port: number) => Refusal | undefined;

/**
 * Who may call: programs on this machine that name it as itself, come from no foreign web page, and know the token.
 * Host and Origin are looked at first, so that a page in a browser cannot even try tokens.
 */
export function createGuard(token: string): Guard {
  const expected = digest(`Bearer ${token}`);
  return (headers, port) => {
    const hosts = HOSTS.map((host) => `${host}:${port}`);
    if (!hosts.includes(headers.host ?? '')) return forbidden(`This API answers to ${hosts.join(' and ')} only.`);
    if (headers.origin !== undefined && !hosts.includes(headers.origin.replace(/^http:\/\//, ''))) {
      return forbidden('This API answers no web page of another origin.');
    }
    if (timingSafeEqual(digest(headers.authorization ?? ''), expected)) return undefined;
    return {
      status: 401,
      error: ShoalError.unauthorized('The token is missing or wrong; it is in the home, in api.json.'),
    };
  };
}

function forbidden(why: string): Refusal {
  return { status: 403, error: ShoalError.unauthorized(why) };
}

/** Equal lengths for a comparison that takes equal time. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

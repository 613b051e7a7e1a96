import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { ShoalError } from '@shoal/protocol';

/** Host names of the API. Another name is a sign of DNS rebinding by a foreign web page. */
const HOSTS = ['127.0.0.1', 'localhost'];

/** A call that is refused before its body is read. */
interface Refusal {
  readonly status: 401 | 403;
  readonly error: ShoalError;
}

/** Checks a call's headers. Undefined admits it. */
export type Guard = (headers: IncomingHttpHeaders, port: number) => Refusal | undefined;

/**
 * Admits programs on this machine that use its own host name, do not run in a foreign web page, and send the token.
 * Host and Origin are checked first, so that a web page cannot try tokens.
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

/** Returns a value of fixed length, for a comparison in constant time. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { ShoalError } from '@shoal/protocol/error';

/** The accepted host names. Any other name may be a foreign page whose DNS name points to this machine. */
const HOSTS = ['127.0.0.1', 'localhost'];

/** The answer to a call that is refused before its body is read. */
interface Refusal {
  readonly status: 401 | 403;
  readonly error: ShoalError;
}

/** Checks a call by its headers. Returns undefined if it is accepted. */
export type Guard = (headers: IncomingHttpHeaders, port: number) => Refusal | undefined;

/**
 * Accepts programs on this machine that use one of its names, are not foreign web pages, and have the token. Host and Origin
 * are checked first, so that a page in a browser cannot try tokens.
 */
export function createGuard(token: string): Guard {
  const expected = digest(`Bearer ${token}`);
  return (headers, port) => {
    const hosts = HOSTS.map((host) => `${host}:${port}`);
    if (!hosts.includes(headers.host ?? ''))
      return forbidden(`This API accepts only the hosts ${hosts.join(' and ')}.`);
    if (headers.origin !== undefined && !hosts.includes(headers.origin.replace(/^http:\/\//, ''))) {
      return forbidden('This API does not accept web pages of other origins.');
    }
    if (timingSafeEqual(digest(headers.authorization ?? ''), expected)) return undefined;
    return {
      status: 401,
      error: ShoalError.unauthorized('The token is missing or wrong. Read it from api.json in the home.'),
    };
  };
}

function forbidden(reason: string): Refusal {
  return { status: 403, error: ShoalError.unauthorized(reason) };
}

/** Gives texts an equal length, which the constant-time comparison requires. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

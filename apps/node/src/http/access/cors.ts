import type { IncomingHttpHeaders } from 'node:http';

type Headers = Readonly<Record<string, string>>;

const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE';
/** How long a browser may reuse the answer to a preflight. */
const PREFLIGHT_MAX_AGE_S = 600;
/** The longest list of headers in a preflight, in characters. */
const REQUESTED_HEADERS_MAX_CHARS = 4_096;
/** RFC 9110, section 5.6.2: one or more tokens, separated by commas. */
const HEADER_NAMES = /^[ \t]*[\w!#$%&'*+.^`|~-]+([ \t]*,[ \t]*[\w!#$%&'*+.^`|~-]+)*[ \t]*$/;

/** Headers of answers that a page may read. */
const EXPOSED = [
  'X-Request-Id',
  'request-id',
  'X-Shoal-Worker',
  'X-Shoal-Model-Digest',
  'X-Shoal-Privacy',
  'X-Shoal-Attempts',
  'X-Shoal-Auto',
  'Retry-After',
].join(', ');

const NONE: Headers = {};

/** The headers of each answer to an accepted caller, so that its page may read it. Empty for a caller that is no page. */
export function corsHeaders({ origin }: IncomingHttpHeaders): Headers {
  if (origin === undefined) return NONE;
  return { 'access-control-allow-origin': origin, 'access-control-expose-headers': EXPOSED, vary: 'Origin' };
}

/** True if a browser asks for a page whether it may make a call. */
export function isPreflight(method: string, headers: IncomingHttpHeaders): boolean {
  return method === 'OPTIONS' && headers.origin !== undefined && 'access-control-request-method' in headers;
}

/** The headers of the answer to a preflight of an accepted page. Undefined if the headers that it asks for are not valid. */
export function preflightHeaders(headers: IncomingHttpHeaders): Headers | undefined {
  const requested = headers['access-control-request-headers'];
  const isPrivateNetwork = headers['access-control-request-private-network'] === 'true';
  if (requested !== undefined && !areHeaderNames(requested)) return undefined;
  return {
    ...corsHeaders(headers),
    'access-control-allow-methods': METHODS,
    ...(requested !== undefined && { 'access-control-allow-headers': requested }),
    ...(isPrivateNetwork && { 'access-control-allow-private-network': 'true' }),
    'access-control-max-age': String(PREFLIGHT_MAX_AGE_S),
  };
}

function areHeaderNames(text: string): boolean {
  return text.length <= REQUESTED_HEADERS_MAX_CHARS && HEADER_NAMES.test(text);
}

import type { IncomingHttpHeaders } from 'node:http';
import { allows, type Scope } from '@shoal/host/home/token-file';
import { ShoalError } from '@shoal/protocol/error';
import { isLoopback } from '@shoal/transport';
import { corsHeaders, isPreflight, preflightHeaders } from './cors.ts';
import { createCredentialCheck, type CredentialOptions, type Rights } from './credentials.ts';
import { createHostCheck, type HostOptions } from './hosts.ts';
import { createOriginCheck, type OriginOptions } from './origins.ts';

/** Headers that decide about a call. Node keeps the first of several; a proxy may have read another. */
const SINGLE_HEADERS = ['host', 'authorization'];

export interface GuardOptions extends HostOptions, CredentialOptions, Pick<OriginOptions, 'apiOrigins'> {}

/** The parts of a request that the guard reads. */
interface GuardedCall {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  /** The port at which it arrived. */
  readonly port: number;
}

const NO_RIGHTS: Rights = { scopes: [] };

interface Answerable {
  /** Headers of every answer to this call, errors included. */
  readonly headers: Readonly<Record<string, string>>;
}

interface Accepted extends Answerable, Rights {
  readonly type: 'accepted';
}

/** The answer to a call that is refused before its body is read. */
interface Refused extends Answerable {
  readonly type: 'refused';
  readonly status: 401 | 403;
  readonly error: ShoalError;
}

/** The answer to the question of a browser. It has no body and needs no token. */
interface Preflight extends Answerable {
  readonly type: 'preflight';
  readonly status: 204;
}

export type Decision = Accepted | Refused | Preflight;

/** Decides about a call that needs this scope. `none` is for calls that need no token anywhere, such as health checks. */
export type AccessGuard = (call: GuardedCall, needed: Scope | 'none') => Decision;

/**
 * Checks calls by their headers: Host and Origin first, so that a page in a browser cannot try tokens, then the token. If the
 * API listens on a loopback address, programs that use a loopback name may generate and read without a token. A name of
 * `apiHosts` means a proxy, whose callers may be anywhere: they need a token.
 */
export function createAccessGuard(options: GuardOptions): AccessGuard {
  const hostKind = createHostCheck(options);
  const isAcceptedOrigin = createOriginCheck({ apiOrigins: options.apiOrigins, hostKind });
  const rightsOf = createCredentialCheck(options);
  const isLocal = isLoopback(options.host);
  return ({ method, headers, rawHeaders, port }, needed) => {
    const repeated = repeatedHeader(rawHeaders);
    if (repeated !== undefined) return forbidden(`A call must have one ${repeated} header.`);
    const { host = '' } = headers;
    const kind = hostKind(host, port);
    if (kind === undefined) return forbidden(HOST_REFUSED);
    if (!isAcceptedOrigin({ headers, port, host, hostKind: kind })) return forbidden(ORIGIN_REFUSED);
    if (isPreflight(method, headers)) return preflight(headers);
    const rights = rightsOf(headers, isLocal && kind === 'loopback') ?? (needed === 'none' ? NO_RIGHTS : undefined);
    return decide(rights, needed, corsHeaders(headers));
  };
}

/** Throws `INVALID_REQUEST` if other machines could reach the API and no token exists. */
export function checkBind(host: string, tokens: { readonly hasTokens: boolean }): void {
  if (isLoopback(host) || tokens.hasTokens) return;
  throw ShoalError.invalidRequest(
    `Other machines can reach ${host}, so the local API needs a token there. Make one first: shoal token create`,
  );
}

const HOST_REFUSED =
  'This API does not accept this Host header. Use a loopback address and its port, or add the name to apiHosts.';
const ORIGIN_REFUSED = 'This API does not accept web pages of other origins. Allow one with --origin, or apiOrigins.';

function decide(rights: Rights | undefined, needed: Scope | 'none', headers: Answerable['headers']): Decision {
  if (rights === undefined) {
    return unauthorized('The token is missing, unknown, revoked or expired. Make one: shoal token create', headers);
  }
  if (needed === 'none' || allows(rights.scopes, needed)) return { type: 'accepted', ...rights, headers };
  const advice = `Make one that has it: shoal token create --scope ${needed}`;
  return rights.token === undefined
    ? unauthorized(`This call needs a token with the scope ${needed}. ${advice}`, headers)
    : forbidden(`The token lacks the scope ${needed}. ${advice}`, headers);
}

function preflight(headers: IncomingHttpHeaders): Decision {
  const answer = preflightHeaders(headers);
  if (answer === undefined) return forbidden('The headers that this page asks for are not valid.');
  return { type: 'preflight', status: 204, headers: answer };
}

function unauthorized(reason: string, headers: Answerable['headers']): Refused {
  const error = ShoalError.unauthorized(reason);
  return { type: 'refused', status: 401, error, headers: { ...headers, 'www-authenticate': 'Bearer' } };
}

function forbidden(reason: string, headers: Answerable['headers'] = {}): Refused {
  return { type: 'refused', status: 403, error: ShoalError.unauthorized(reason), headers };
}

/** The first of the single headers that occurs more than once. `rawHeaders` has names and values in turn. */
function repeatedHeader(rawHeaders: readonly string[]): string | undefined {
  return SINGLE_HEADERS.find((name) => {
    const isOne = (text: string, index: number): boolean =>
      index % 2 === 0 && text.length === name.length && text.toLowerCase() === name;
    return rawHeaders.filter(isOne).length > 1;
  });
}

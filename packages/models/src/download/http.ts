import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import type { LookupFunction } from 'node:net';
import { errorCode } from '@shoal/files/error-code';
import { ShoalError } from '@shoal/protocol/error';
import { type Address, addressesFor, hostAndPort, type Policy } from './addresses.ts';

/** A download that receives nothing for this long is tried again. */
const SILENCE_TIMEOUT_MS = 30_000;
/** Redirects of one download. More are refused. */
const MAX_REDIRECTS = 5;
/** For lists of files and manifests. */
const MAX_DOCUMENT_BYTES = 8 * 1024 * 1024;
/** For the head of a response. */
const MAX_HEAD_BYTES = 32 * 1024;
/** For the target of a redirect. Signed links are long. */
const MAX_LINK_LENGTH = 16 * 1024;

/** The fault of a connection in words, by the system's code. */
const CONNECTION_FAULTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'was refused (ECONNREFUSED): nothing listens there. Check the address',
  ECONNRESET: 'broke off (ECONNRESET)',
  EHOSTUNREACH: 'failed: there is no way to this host (EHOSTUNREACH)',
  ENETUNREACH: 'failed: there is no way to this network (ENETUNREACH)',
};

const REDIRECTS = [301, 302, 303, 307, 308];

export interface HttpRequestOptions {
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Bearer token. Sent to the first server only, never across a redirect. */
  readonly token?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** Must be read to its end or destroyed. */
  readonly body: IncomingMessage;
  /** The URL after all redirects. */
  readonly url: URL;
}

/** Sends requests within a policy, which holds for redirects too. */
export class HttpClient {
  readonly #policy: Policy;
  readonly #agents = { http: new HttpAgent({ keepAlive: true }), https: new HttpsAgent({ keepAlive: true }) };

  constructor(policy: Policy) {
    this.#policy = policy;
  }

  /**
   * Resolves with the first response that is not a redirect, once its head has arrived. Throws `INVALID_REQUEST` for a URL
   * outside the policy, `CONNECT_FAILED` and `TIMEOUT_NO_RESPONSE` if a retry may help, and the signal's reason.
   */
  async get(link: URL, { headers = {}, token, signal }: HttpRequestOptions = {}): Promise<HttpResponse> {
    let url = link;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      signal?.throwIfAborted();
      const addresses = await addressesFor(url, this.#policy);
      const authorization = token !== undefined && redirects === 0 ? { authorization: `Bearer ${token}` } : {};
      const body = await this.#request(url, addresses, { ...headers, ...authorization }, signal);
      const status = body.statusCode ?? 0;
      if (!REDIRECTS.includes(status)) return { status, headers: body.headers, body, url };
      body.destroy();
      url = redirectTarget(url, body.headers.location);
    }
    throw new ShoalError('BAD_MESSAGE', `${link.hostname} redirects more than ${MAX_REDIRECTS} times.`);
  }

  /** A text document with its headers. Throws `BAD_MESSAGE` beyond 8 MiB. */
  async text(
    link: URL,
    options: HttpRequestOptions,
  ): Promise<{ status: number; headers: HttpResponse['headers']; text: string }> {
    const { status, headers, body } = await this.get(link, options);
    const pieces: Buffer[] = [];
    let length = 0;
    try {
      for await (const piece of body as AsyncIterable<Buffer>) {
        length += piece.length;
        if (length > MAX_DOCUMENT_BYTES) {
          throw new ShoalError('BAD_MESSAGE', `${link.hostname} sent a document that is too long.`);
        }
        pieces.push(piece);
      }
    } catch (error) {
      throw connectionError(link, error, options.signal);
    }
    return { status, headers, text: Buffer.concat(pieces).toString('utf8') };
  }

  /** Closes every connection. */
  close(): void {
    this.#agents.http.destroy();
    this.#agents.https.destroy();
  }

  #request(
    url: URL,
    addresses: readonly Address[],
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal | undefined,
  ): Promise<IncomingMessage> {
    const isSecure = url.protocol === 'https:';
    const outgoing = (isSecure ? requestHttps : requestHttp)(url, {
      agent: isSecure ? this.#agents.https : this.#agents.http,
      headers: { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'shoal', ...headers },
      lookup: pinned(addresses),
      maxHeaderSize: MAX_HEAD_BYTES,
      ...(signal && { signal }),
    });
    outgoing.setTimeout(SILENCE_TIMEOUT_MS, () => {
      outgoing.destroy(
        new ShoalError('TIMEOUT_NO_RESPONSE', `${url.hostname} sent nothing for ${SILENCE_TIMEOUT_MS / 1_000} s.`),
      );
    });
    return new Promise((resolve, reject) => {
      outgoing.on('response', resolve);
      outgoing.on('error', (error) => reject(connectionError(url, error, signal)));
      outgoing.end();
    });
  }
}

/** The error for a lost connection: the signal's reason if it was aborted, else `CONNECT_FAILED`, which is retried. */
export function connectionError(url: URL, error: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted === true) return signal.reason;
  if (error instanceof ShoalError) return error;
  const why = CONNECTION_FAULTS[errorCode(error)] ?? 'failed or broke off';
  return new ShoalError('CONNECT_FAILED', `The connection to ${hostAndPort(url)} ${why}.`, { cause: error });
}

/** True if no server listens at the address. */
export function isRefused(error: ShoalError): boolean {
  return error.code === 'CONNECT_FAILED' && errorCode(error.cause) === 'ECONNREFUSED';
}

/** A lookup that returns the addresses that were checked, without a second DNS request. */
function pinned(addresses: readonly Address[]): LookupFunction {
  return (host, options, callback) => {
    const [first] = addresses;
    if (options.all === true) callback(null, [...addresses]);
    else if (first !== undefined) callback(null, first.address, first.family);
    else callback(new Error(`${host} has no address`), '');
  };
}

function redirectTarget(from: URL, location: string | undefined): URL {
  const target = location === undefined || location.length > MAX_LINK_LENGTH ? null : URL.parse(location, from.href);
  if (target === null) throw new ShoalError('BAD_MESSAGE', `${from.hostname} redirects without a usable target.`);
  return target;
}

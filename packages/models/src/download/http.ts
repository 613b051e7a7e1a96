import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import type { LookupFunction } from 'node:net';
import { ShoalError } from '@shoal/protocol';
import { type Address, addressesFor, type Policy } from './addresses.ts';

/** A download that receives nothing for this long is tried again. */
const SILENCE_TIMEOUT_MS = 30_000;
/** Redirects of one download. More are refused. */
const MAX_REDIRECTS = 5;
/** Lists of files, manifests. */
const MAX_DOCUMENT_BYTES = 8 * 1024 * 1024;
/** Of an answer's head. */
const MAX_HEAD_BYTES = 32 * 1024;
/** Signed links are long. */
const MAX_LINK_LENGTH = 16 * 1024;

const REDIRECTS = [301, 302, 303, 307, 308];

export interface HttpRequestOptions {
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Goes to the first server that is asked, and to none that it leads to. */
  readonly token?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** Must be read to its end or destroyed. */
  readonly body: IncomingMessage;
  /** Which server answered in the end. */
  readonly url: URL;
}

/** Asks servers, within a policy that holds for each one that is asked, redirects included. */
export class HttpClient {
  readonly #policy: Policy;
  readonly #agents = { http: new HttpAgent({ keepAlive: true }), https: new HttpsAgent({ keepAlive: true }) };

  constructor(policy: Policy) {
    this.#policy = policy;
  }

  /**
   * Resolves when an answer that is no redirect begins. Throws `INVALID_REQUEST` for what may not be asked,
   * `CONNECT_FAILED` and `TIMEOUT_NO_RESPONSE` where asking again may help, and the signal's reason.
   */
  async get(link: URL, { headers = {}, token, signal }: HttpRequestOptions = {}): Promise<HttpResponse> {
    let url = link;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      signal?.throwIfAborted();
      const addresses = await addressesFor(url, this.#policy);
      const authorization = token !== undefined && redirects === 0 ? { authorization: `Bearer ${token}` } : {};
      const body = await this.#ask(url, addresses, { ...headers, ...authorization }, signal);
      const status = body.statusCode ?? 0;
      if (!REDIRECTS.includes(status)) return { status, headers: body.headers, body, url };
      body.destroy();
      url = follow(url, body.headers.location);
    }
    throw new ShoalError('BAD_MESSAGE', `${link.hostname} leads on and on: more than ${MAX_REDIRECTS} redirects.`);
  }

  /** A whole document of text with its headers; at most 8 MiB. */
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
          throw new ShoalError('BAD_MESSAGE', `${link.hostname} answers with a document that is too long.`);
        }
        pieces.push(piece);
      }
    } catch (error) {
      throw connectionError(link, error, options.signal);
    }
    return { status, headers, text: Buffer.concat(pieces).toString('utf8') };
  }

  /** Ends every connection. */
  close(): void {
    this.#agents.http.destroy();
    this.#agents.https.destroy();
  }

  #ask(
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
        new ShoalError('TIMEOUT_NO_RESPONSE', `${url.hostname} said nothing for ${SILENCE_TIMEOUT_MS / 1_000} s.`),
      );
    });
    return new Promise((resolve, reject) => {
      outgoing.on('response', resolve);
      outgoing.on('error', (error) => reject(connectionError(url, error, signal)));
      outgoing.end();
    });
  }
}

/** What a lost connection means: worth another try, unless we ended it ourselves. */
export function connectionError(url: URL, error: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted === true) return signal.reason;
  if (error instanceof ShoalError) return error;
  return new ShoalError('CONNECT_FAILED', `The connection to ${url.hostname} failed or broke off.`, { cause: error });
}

/** Connects to the addresses that were checked, and asks nobody again. */
function pinned(addresses: readonly Address[]): LookupFunction {
  return (host, options, callback) => {
    const [first] = addresses;
    if (options.all === true) callback(null, [...addresses]);
    else if (first !== undefined) callback(null, first.address, first.family);
    else callback(new Error(`${host} has no address`), '');
  };
}

function follow(from: URL, location: string | undefined): URL {
  const target = location === undefined || location.length > MAX_LINK_LENGTH ? null : URL.parse(location, from.href);
  if (target === null) throw new ShoalError('BAD_MESSAGE', `${from.hostname} leads on, and does not say where to.`);
  return target;
}

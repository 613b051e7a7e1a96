import { isObject } from '@shoal/protocol/json';
import { ShoalError } from '@shoal/protocol/error';
import type { HttpClient, HttpRequestOptions } from '../download/http.ts';
import { Backoff, type Wait } from '../download/backoff.ts';
import { isRetryable, type LoginHint, statusError } from '../download/status-error.ts';

const NO_SIGNAL = new AbortController().signal;

/** Fetches a JSON document of a hub, with retries. Throws `BAD_MESSAGE` if the response is not JSON. */
export async function fetchJson(
  http: HttpClient,
  url: URL,
  options: HttpRequestOptions & { readonly wait?: Wait | undefined },
  label: string,
  login: LoginHint = {},
): Promise<{ readonly value: unknown; readonly link: string | undefined }> {
  const backoff = new Backoff(options.wait);
  for (;;) {
    try {
      const { status, headers, text } = await http.text(url, options);
      if (status !== 200) throw statusError({ status, headers, url }, label, login);
      const { link } = headers;
      return { value: parse(text, url), link: Array.isArray(link) ? link.join(', ') : link };
    } catch (error) {
      if (!isRetryable(error)) throw error;
      await backoff.wait(error, options.signal ?? NO_SIGNAL);
    }
  }
}

function parse(text: string, url: URL): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ShoalError(
      'BAD_MESSAGE',
      `${url.hostname} sent a response that is not JSON. Check the server's address.`,
      {
        cause: error,
      },
    );
  }
}

/** The value if it is a JSON object, else an empty object. */
export function objectOf(value: unknown): { readonly [key: string]: unknown } {
  return isObject(value) ? value : {};
}

/** The value if it is an array, else an empty array. */
export function itemsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The value if it is a whole number from 0, else undefined. */
export function countOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

/** The URL of a path below a server's address. The address may end with a slash. */
export function urlBelow(base: URL, path: string): URL {
  return new URL(`${base.href.replace(/\/$/, '')}/${path}`);
}

import { isObject, ShoalError } from '@shoal/protocol';
import type { HttpClient, HttpRequestOptions } from '../download/http.ts';
import { Backoff, type Wait } from '../download/backoff.ts';
import { isRetryable, type LoginHint, statusError } from '../download/status-error.ts';

const NO_SIGNAL = new AbortController().signal;

/** A JSON document of a hub, asked for again where that may help. Throws `BAD_MESSAGE` for what is none. */
export async function fetchJson(
  http: HttpClient,
  url: URL,
  options: HttpRequestOptions & { readonly wait?: Wait | undefined },
  what: string,
  login: LoginHint = {},
): Promise<{ readonly value: unknown; readonly link: string | undefined }> {
  const backoff = new Backoff(options.wait);
  for (;;) {
    try {
      const { status, headers, text } = await http.text(url, options);
      if (status !== 200) throw statusError({ status, headers, url }, what, login);
      const { link } = headers;
      return { value: parse(text, url), link: Array.isArray(link) ? link.join(', ') : link };
    } catch (error) {
      if (!isRetryable(error)) throw error;
      await backoff.after(error, options.signal ?? NO_SIGNAL);
    }
  }
}

function parse(text: string, url: URL): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ShoalError(
      'BAD_MESSAGE',
      `${url.hostname} answers with something that is no JSON. Is it the right server?`,
      {
        cause: error,
      },
    );
  }
}

export function objectOf(value: unknown): { readonly [key: string]: unknown } {
  return isObject(value) ? value : {};
}

export function itemsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A whole number from 0. */
export function countOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

/** A path below a server's address, whether that ends with a slash or not. */
export function below(base: URL, path: string): URL {
  return new URL(`${base.href.replace(/\/$/, '')}/${path}`);
}

import { isObject, ShoalError } from '@shoal/protocol';
import type { HttpClient, Question } from '../download/http.ts';
import { Patience, type Wait } from '../download/patience.ts';
import { isWorthRetrying, type Login, refusal } from '../download/refusals.ts';

const NO_SIGNAL = new AbortController().signal;

/** A JSON document of a hub, asked for again where that may help. Throws `BAD_MESSAGE` for what is none. */
export async function fetchJson(
  http: HttpClient,
  url: URL,
  question: Question & { readonly wait?: Wait | undefined },
  what: string,
  login: Login = {},
): Promise<{ readonly value: unknown; readonly link: string | undefined }> {
  const patience = new Patience(question.wait);
  for (;;) {
    try {
      const { status, headers, text } = await http.text(url, question);
      if (status !== 200) throw refusal({ status, headers, url }, what, login);
      const { link } = headers;
      return { value: parse(text, url), link: Array.isArray(link) ? link.join(', ') : link };
    } catch (error) {
      if (!isWorthRetrying(error)) throw error;
      await patience.after(error, question.signal ?? NO_SIGNAL);
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

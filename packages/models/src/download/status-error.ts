import { ShoalError } from '@shoal/protocol';
import type { HttpResponse } from './http.ts';

/** A server that names no time is asked again after the download's own waits. */
const RETRY_AFTER = /^\d{1,9}$/;

/** What to do about a server that wants to know who asks. */
export interface LoginHint {
  /** The variable with a token for it, such as `HF_TOKEN`; absent where there is none. */
  readonly tokenVariable?: string | undefined;
  /** A page on which its terms are accepted. */
  readonly page?: URL | undefined;
}

/** What a status other than success means. Those of `isRetryable` may pass by themselves. */
export function statusError(
  { status, url, headers }: Pick<HttpResponse, 'status' | 'url' | 'headers'>,
  what: string,
  login: LoginHint,
): ShoalError {
  const host = url.hostname;
  switch (status) {
    case 401:
    case 403:
      return ShoalError.unauthorized(`${host} does not give ${what} to everybody. ${loginAdvice(login)}`);
    case 404:
    case 410:
      return new ShoalError('MODEL_NOT_FOUND', `${host} has no ${what}. Is the name right?`);
    case 429:
    case 503: {
      const retryAfterMs = retryAfter(headers['retry-after']);
      const when = retryAfterMs === undefined ? 'in a while' : `in ${Math.ceil(retryAfterMs / 1_000)} s`;
      return new ShoalError('OVERLOADED', `${host} has too much to do just now (${status}). Try again ${when}.`, {
        retryAfterMs,
      });
    }
    default:
      return status === 408 || status >= 500
        ? new ShoalError('CONNECT_FAILED', `${host} failed with status ${status}. Try again later.`)
        : new ShoalError('BAD_MESSAGE', `${host} refuses ${what} with status ${status}.`);
  }
}

export function isRetryable(error: unknown): error is ShoalError {
  return error instanceof ShoalError && ['CONNECT_FAILED', 'TIMEOUT_NO_RESPONSE', 'OVERLOADED'].includes(error.code);
}

function loginAdvice({ tokenVariable, page }: LoginHint): string {
  if (tokenVariable === undefined) return 'Only what needs no login can be pulled from there.';
  const terms = page === undefined ? '' : `Accept its terms at ${page.href} if it has some, and `;
  return `${terms}${terms === '' ? 'Set' : 'set'} ${tokenVariable} to an access token that may read it. If there is no such model, this is the answer too.`;
}

/** Seconds or a date (RFC 9110, 10.2.3), in milliseconds from now. */
function retryAfter(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (RETRY_AFTER.test(text)) return Number(text) * 1_000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}

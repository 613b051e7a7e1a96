import { type ErrorCode, ShoalError } from '@shoal/protocol/error';
import type { HttpResponse } from './http.ts';

const RETRY_AFTER = /^\d{1,9}$/;

/** Advice for a server that requires a login. */
export interface LoginHint {
  /** The environment variable with a token for this server, such as `HF_TOKEN`. Undefined if tokens are not supported. */
  readonly tokenVariable?: string | undefined;
  /** The page on which a user accepts the model's terms. */
  readonly page?: URL | undefined;
}

/** The error for a response status other than success. */
export function statusError(
  { status, url, headers }: Pick<HttpResponse, 'status' | 'url' | 'headers'>,
  label: string,
  login: LoginHint,
): ShoalError {
  const host = url.hostname;
  switch (status) {
    case 401:
    case 403:
      return ShoalError.unauthorized(`${host} does not offer ${label} without a login. ${loginAdvice(login)}`);
    case 404:
    case 410:
      return new ShoalError('MODEL_NOT_FOUND', `${host} has no ${label}. Check the name.`);
    case 429:
    case 503: {
      const retryAfterMs = retryAfter(headers['retry-after']);
      const when = retryAfterMs === undefined ? 'in a while' : `in ${Math.ceil(retryAfterMs / 1_000)} s`;
      return new ShoalError('OVERLOADED', `${host} is overloaded (${status}). Try again ${when}.`, {
        retryAfterMs,
      });
    }
    default:
      return status === 408 || status >= 500
        ? new ShoalError('CONNECT_FAILED', `${host} failed with status ${status}. Try again later.`)
        : new ShoalError('BAD_MESSAGE', `${host} refused ${label} with status ${status}.`);
  }
}

/** True if the same request may succeed later. */
export function isRetryable(error: unknown): error is ShoalError {
  return error instanceof ShoalError && ['CONNECT_FAILED', 'TIMEOUT_NO_RESPONSE', 'OVERLOADED'].includes(error.code);
}

/** Codes of sources that are refused: the same pull fails again unless the source or the command changes. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['BAD_MESSAGE', 'INVALID_REQUEST', 'MODEL_NOT_FOUND']);

/** True if nothing of the download may stay. */
export function isRefusal(error: unknown): boolean {
  return error instanceof ShoalError && REFUSALS.has(error.code);
}

function loginAdvice({ tokenVariable, page }: LoginHint): string {
  if (tokenVariable === undefined) return 'Only models without a login can be pulled from there.';
  const terms = page === undefined ? '' : `Accept its terms at ${page.href} if it has any, and `;
  return `${terms}${terms === '' ? 'Set' : 'set'} ${tokenVariable} to an access token that may read it. The server also answers so if the model does not exist.`;
}

/** Parses `Retry-After`, seconds or a date (RFC 9110, 10.2.3), into milliseconds from now. */
function retryAfter(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (RETRY_AFTER.test(text)) return Number(text) * 1_000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}

import { ShoalError } from '@shoal/protocol/error';
import type { HttpResponse } from './http.ts';
import type { Range } from './ranges.ts';
import { type LoginHint, statusError } from './status-error.ts';

/** Largest file. The largest models come in parts of 50 GB. */
const MAX_FILE_BYTES = 4 * 1024 ** 4;

const CONTENT_RANGE = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16})$/;
const CONTENT_LENGTH = /^\d{1,16}$/;

/** A response with a file or a range of it. */
export interface FileResponse {
  /** Position of the first byte. */
  readonly start: number;
  /** Position after the last byte, if the server sent a length. */
  readonly end?: number | undefined;
  readonly totalBytes?: number | undefined;
  /** A strong `ETag`: it changes with the content. */
  readonly etag?: string | undefined;
  /** True if the server sends ranges, so that several can be requested at once. */
  readonly isRange: boolean;
  readonly body: HttpResponse['body'];
}

/** Parses the head of a response to a range request. Throws `statusError`, or `BAD_MESSAGE` for contradictory headers. */
export function parseFileResponse(
  response: HttpResponse,
  requested: Range | undefined,
  label: string,
  login: LoginHint,
): FileResponse {
  try {
    const { status } = response;
    if (status !== 200 && status !== 206) throw statusError(response, label, login);
    const encoding = response.headers['content-encoding'] ?? 'identity';
    if (encoding !== 'identity') throw contradiction(response, `it is encoded as ${encoding}`);
    return status === 206 ? readRange(response, requested) : readWhole(response);
  } catch (error) {
    response.body.destroy();
    throw error;
  }
}

function readRange(response: HttpResponse, requested: Range | undefined): FileResponse {
  const [, first, last, all] = CONTENT_RANGE.exec(response.headers['content-range'] ?? '') ?? [];
  const [start, end, totalBytes] = [Number(first), Number(last) + 1, Number(all)];
  const isRequested =
    requested !== undefined && start === requested.start && end === Math.min(requested.end, totalBytes);
  if (!isRequested || end <= start) throw contradiction(response, 'it sends other bytes than the requested ones');
  const length = contentLength(response);
  if (length !== undefined && length !== end - start)
    throw contradiction(response, 'its lengths contradict each other');
  return {
    start,
    end,
    totalBytes: bounded(response, totalBytes),
    ...etagOf(response),
    isRange: true,
    body: response.body,
  };
}

function readWhole(response: HttpResponse): FileResponse {
  const length = contentLength(response);
  const size = length !== undefined && { end: length, totalBytes: bounded(response, length) };
  return { start: 0, ...size, ...etagOf(response), isRange: false, body: response.body };
}

function contentLength({ headers }: HttpResponse): number | undefined {
  const text = headers['content-length'];
  return text !== undefined && CONTENT_LENGTH.test(text) ? Number(text) : undefined;
}

/** A weak ETag does not promise that every byte is the same. */
function etagOf({ headers: { etag } }: HttpResponse): { readonly etag?: string | undefined } {
  return etag === undefined || etag.startsWith('W/') ? {} : { etag };
}

function bounded(response: HttpResponse, bytes: number): number {
  if (bytes > MAX_FILE_BYTES) throw contradiction(response, `it announces ${bytes} bytes`);
  return bytes;
}

function contradiction({ url }: HttpResponse, reason: string): ShoalError {
  return new ShoalError(
    'BAD_MESSAGE',
    `${url.hostname} sent an invalid response: ${reason}. Try again later, or use another source.`,
  );
}

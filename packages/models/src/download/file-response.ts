import { ShoalError } from '@shoal/protocol';
import type { HttpResponse } from './http.ts';
import type { Range } from './ranges.ts';
import { type LoginHint, statusError } from './status-error.ts';

/** Of one file. The largest models come in parts of 50 GB. */
const MAX_FILE_BYTES = 4 * 1024 ** 4;

const CONTENT_RANGE = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16})$/;
const CONTENT_LENGTH = /^\d{1,16}$/;

/** What a server sends of a file. */
export interface FileResponse {
  /** Where it begins, and where it ends if the server says so. */
  readonly start: number;
  readonly end?: number | undefined;
  readonly totalBytes?: number | undefined;
  /** The server's own mark of this content. */
  readonly mark?: string | undefined;
  /** Whether it sends parts: then others can be asked for at the same time. */
  readonly isPart: boolean;
  readonly body: HttpResponse['body'];
}

/** Reads the head of a response to a range request. Throws what its status means, `BAD_MESSAGE` for contradictions. */
export function parseFileResponse(
  answer: HttpResponse,
  wanted: Range | undefined,
  what: string,
  login: LoginHint,
): FileResponse {
  try {
    const { status } = answer;
    if (status !== 200 && status !== 206) throw statusError(answer, what, login);
    const encoding = answer.headers['content-encoding'] ?? 'identity';
    if (encoding !== 'identity') throw contradiction(answer, `it is encoded as ${encoding}`);
    return status === 206 ? readPart(answer, wanted) : readWhole(answer);
  } catch (error) {
    answer.body.destroy();
    throw error;
  }
}

function readPart(answer: HttpResponse, wanted: Range | undefined): FileResponse {
  const [, first, last, all] = CONTENT_RANGE.exec(answer.headers['content-range'] ?? '') ?? [];
  const [start, end, totalBytes] = [Number(first), Number(last) + 1, Number(all)];
  const isWanted = wanted !== undefined && start === wanted.start && end === Math.min(wanted.end, totalBytes);
  if (!isWanted || end <= start) throw contradiction(answer, 'it sends other bytes than those asked for');
  const length = contentLength(answer);
  if (length !== undefined && length !== end - start)
    throw contradiction(answer, 'it contradicts itself about the length');
  return { start, end, totalBytes: bounded(answer, totalBytes), ...markOf(answer), isPart: true, body: answer.body };
}

function readWhole(answer: HttpResponse): FileResponse {
  const length = contentLength(answer);
  const size = length !== undefined && { end: length, totalBytes: bounded(answer, length) };
  return { start: 0, ...size, ...markOf(answer), isPart: false, body: answer.body };
}

function contentLength({ headers }: HttpResponse): number | undefined {
  const text = headers['content-length'];
  return text !== undefined && CONTENT_LENGTH.test(text) ? Number(text) : undefined;
}

/** Only a strong mark says that every byte is the same. */
function markOf({ headers: { etag } }: HttpResponse): { readonly mark?: string | undefined } {
  return etag === undefined || etag.startsWith('W/') ? {} : { mark: etag };
}

function bounded(answer: HttpResponse, bytes: number): number {
  if (bytes > MAX_FILE_BYTES) throw contradiction(answer, `it speaks of ${bytes} bytes`);
  return bytes;
}

function contradiction({ url }: HttpResponse, why: string): ShoalError {
  return new ShoalError('BAD_MESSAGE', `${url.hostname} answers wrongly: ${why}. Try again later, or from elsewhere.`);
}

import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { ShoalError } from '@shoal/protocol/error';
import { apiNameOf, WRITE_ERROR } from './api-name.ts';

/** The part of the received bytes that is searched for the path of the request. */
const SEARCHED_BYTES = 1_024;

/** The error of Node's parser. */
export interface ParserError extends Error {
  readonly code?: string | undefined;
  /** The bytes that could not be read. Undefined if a request did not arrive in time. */
  readonly rawPacket?: unknown;
}

/**
 * Answers bytes that are not a complete HTTP request, in the form of the API whose path they name, and closes the
 * connection.
 */
export function refuseUnreadable(error: ParserError, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, reason] = failureOf(error.code);
  const { body } = WRITE_ERROR[apiNameOf(pathIn(error.rawPacket), {})](ShoalError.invalidRequest(reason), status, '');
  const bytes = Buffer.from(JSON.stringify(body));
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${bytes.length}`,
    'Connection: close',
  ];
  socket.write(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), bytes]));
  // The socket closes once everything written has been sent.
  socket.destroySoon();
}

function failureOf(code: string | undefined): readonly [status: number, reason: string] {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return [408, 'The request did not arrive in time. Send it again.'];
  if (code === 'HPE_HEADER_OVERFLOW') {
    return [431, 'The headers of the request are too large. Send fewer or shorter ones.'];
  }
  return [400, 'The request is not valid HTTP/1.1.'];
}

function pathIn(packet: unknown): string {
  if (!Buffer.isBuffer(packet)) return '';
  return /^\S+ (\S+)/.exec(packet.toString('latin1', 0, SEARCHED_BYTES))?.[1] ?? '';
}

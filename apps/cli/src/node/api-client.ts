import type { ClientRequest, IncomingMessage } from 'node:http';
import { readApiAccess, type ApiAccess } from '@shoal/host/home/api-file';
import { API_BODY_LIMIT_BYTES, API_PATHS, type PromptLine, type PromptRequest } from '@shoal/node/api';
import type { Home } from '@shoal/host/home';
import { isErrorCode, ShoalError } from '@shoal/protocol/error';
import { CliError } from '../cli-error.ts';

/** A node that does not answer within this time is stuck. Prompts have no such limit, because models may be slow. */
const ANSWER_TIMEOUT_MS = 30_000;
/** Limit of one line of a prompt's answer, which is a few tokens. */
const MAX_LINE_CHARACTERS = 1_048_576;

/** Not imported, because an import reads every export of the module. Some load a WebSocket client, which takes 50 ms. */
const { request } = process.getBuiltinModule('node:http');

type Method = 'GET' | 'POST' | 'DELETE';

/** Returns the port and the token of the home's node. Throws an error with exit code 3 if no node runs. */
export async function findNode(home: Home): Promise<ApiAccess> {
  const access = await readApiAccess(home);
  if (access === undefined) throw CliError.notRunning();
  return access;
}

/**
 * Calls the node's API once. `Answer` is the type that the API defines for the path. Throws the error of the response, or an
 * error with exit code 3 if no node runs.
 */
export async function callNode<Answer>(home: Home, method: Method, path: string, body?: object): Promise<Answer> {
  const access = await findNode(home);
  const response = await send(access, method, path, body, (call) => {
    call.setTimeout(ANSWER_TIMEOUT_MS, () => {
      call.destroy(new ShoalError('TIMEOUT_NO_RESPONSE', `The node (pid ${access.pid}) does not answer.`));
    });
  });
  let text = '';
  for await (const chunk of chunks(response, access)) text += String(chunk);
  const answer = parseAnswer(text);
  if (response.statusCode !== 200) throw errorOf(answer);
  return answer as Answer;
}

/** Yields a prompt's answer line by line. Throws an error line. The signal closes the connection, which stops the worker. */
export async function* promptNode(
  home: Home,
  prompt: PromptRequest,
  signal: AbortSignal,
): AsyncGenerator<Exclude<PromptLine, { type: 'error' }>> {
  const access = await findNode(home);
  const response = await send(access, 'POST', API_PATHS.prompt, prompt, (call) => {
    signal.addEventListener('abort', () => call.destroy(), { once: true });
  });
  for await (const text of lines(response, access)) {
    const line = parseAnswer(text) as PromptLine | { type?: undefined };
    if (line.type === undefined || line.type === 'error') throw errorOf(line);
    yield line;
  }
}

async function send(
  access: ApiAccess,
  method: Method,
  path: string,
  body: object | undefined,
  prepare: (call: ClientRequest) => void,
): Promise<IncomingMessage> {
  const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  if (bytes !== undefined && bytes.length > API_BODY_LIMIT_BYTES) {
    throw ShoalError.invalidRequest(
      `The prompt is too long: ${bytes.length} bytes as JSON; the limit is ${API_BODY_LIMIT_BYTES}.`,
    );
  }
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const call = request({
    host: access.host ?? '127.0.0.1',
    port: access.port,
    method,
    path,
    agent: false,
    headers: {
      authorization: `Bearer ${access.token}`,
      'user-agent': 'shoal',
      ...(bytes !== undefined && { 'content-type': 'application/json', 'content-length': bytes.length }),
    },
  });
  call.once('response', resolve);
  call.once('error', (error) => reject(callFailure(error, access)));
  prepare(call);
  call.end(bytes);
  return promise;
}

/** A refused port is left from a node that died without removing its API file. */
function callFailure(error: Error, access: ApiAccess): Error {
  if (error instanceof ShoalError) return error;
  if ('code' in error && error.code === 'ECONNREFUSED') return CliError.notRunning();
  return new ShoalError('HOST_DISCONNECTED', `The node (pid ${access.pid}) closed the connection.`, { cause: error });
}

async function* lines(response: IncomingMessage, access: ApiAccess): AsyncGenerator<string> {
  response.setEncoding('utf8');
  let rest = '';
  for await (const chunk of chunks(response, access)) {
    const parts = `${rest}${String(chunk)}`.split('\n');
    rest = parts.pop() ?? '';
    if (rest.length > MAX_LINE_CHARACTERS) throw ShoalError.badMessage('The node sent a line that is too long.');
    yield* parts.filter((part) => part !== '');
  }
  if (rest !== '') yield rest;
}

/** Reads a response. Throws `HOST_DISCONNECTED` if the node dies before its end. */
async function* chunks(response: IncomingMessage, access: ApiAccess): AsyncGenerator<unknown> {
  try {
    yield* response;
  } catch (error) {
    throw callFailure(error instanceof Error ? error : new Error(String(error)), access);
  }
}

function parseAnswer(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw errorOf(undefined);
  }
}

function errorOf(answer: unknown): ShoalError {
  const { error } = (answer ?? {}) as { error?: { code?: unknown; message?: unknown } };
  if (isErrorCode(error?.code) && typeof error.message === 'string') return new ShoalError(error.code, error.message);
  return new ShoalError('BAD_MESSAGE', 'The program on the API port is not a Shoal node of this version.');
}

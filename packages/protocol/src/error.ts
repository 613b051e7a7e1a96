/**
 * The closed list of error codes. The first block is LocalLLM's list, which its wire carries unchanged. The second block
 * has the codes that the other dialects need. Every dialect has a table that maps these codes to its own errors.
 */
export const ERROR_CODES = [
  'INVALID_SERVER_ID',
  'CONNECT_FAILED',
  'HOST_OFFLINE',
  'HOST_DISCONNECTED',
  'OLLAMA_NOT_FOUND',
  'OLLAMA_MODEL_NOT_AVAILABLE',
  'MODEL_BUSY',
  'GENERATION_FAILED',
  'GENERATION_ABORTED',
  'BAD_MESSAGE',
  'UNSUPPORTED_VERSION',
  'TIMEOUT_NO_RESPONSE',

  'OVERLOADED',
  'QUEUE_FULL',
  'MODEL_NOT_FOUND',
  'INVALID_REQUEST',
  'CONTEXT_EXCEEDED',
  'UNAUTHORIZED',
  'WORKER_LOST',
  'DEADLINE_EXCEEDED',
  'STORAGE_FULL',
  'INTERNAL',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

const CODES: ReadonlySet<unknown> = new Set(ERROR_CODES);

export function isErrorCode(value: unknown): value is ErrorCode {
  return CODES.has(value);
}

export interface ShoalErrorOptions {
  /** The original error. It is logged on this machine and never sent to a peer. */
  readonly cause?: unknown;
  /** Milliseconds from now until a retry may succeed. */
  readonly retryAfterMs?: number | undefined;
}

/** The lengths in the message of `ShoalError.contextExceeded`. */
export interface ExceededContext {
  readonly promptTokens: number;
  readonly contextLength: number;
}

/** The message of `ShoalError.contextExceeded`. Errors of peers arrive as text, so the numbers are read from it. */
const CONTEXT_EXCEEDED =
  /^The prompt has (?<promptTokens>\d+) tokens; the model's context holds (?<contextLength>\d+),/;

/** The error class of all packages: a code, a message that may be sent to a peer, and a cause that is only logged. */
export class ShoalError extends Error {
  override readonly name = 'ShoalError';
  readonly code: ErrorCode;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, options: ShoalErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
  }

  /** Called by `JSON.stringify`, which leaves out the fields of errors. The cause stays on this machine. */
  toJSON(): { readonly code: ErrorCode; readonly message: string; readonly retryAfterMs?: number | undefined } {
    const { code, message, retryAfterMs } = this;
    return { code, message, ...(retryAfterMs !== undefined && { retryAfterMs }) };
  }

  /** Returns a thrown value as a `ShoalError`. Any other value becomes the cause of an `INTERNAL` error. */
  static from(value: unknown): ShoalError {
    if (value instanceof ShoalError) return value;
    return new ShoalError('INTERNAL', 'Something went wrong inside this node; its log has the details.', {
      cause: value,
    });
  }

  static badMessage(what: string): ShoalError {
    return new ShoalError('BAD_MESSAGE', what);
  }

  static invalidRequest(what: string): ShoalError {
    return new ShoalError('INVALID_REQUEST', what);
  }

  static aborted(why: string): ShoalError {
    return new ShoalError('GENERATION_ABORTED', why);
  }

  /** The error of an answer that a worker ended as aborted although nobody aborted it. */
  static unaskedAbort(): ShoalError {
    return ShoalError.aborted('The worker ended the answer before it was complete.');
  }

  static workerLost(why: string, cause?: unknown): ShoalError {
    return new ShoalError('WORKER_LOST', why, { cause });
  }

  static generationFailed(why: string, cause?: unknown): ShoalError {
    return new ShoalError('GENERATION_FAILED', why, { cause });
  }

  static deadlineExceeded(): ShoalError {
    return new ShoalError('DEADLINE_EXCEEDED', 'The deadline passed before the answer was complete.');
  }

  static modelNotFound(model: string, existing: readonly string[]): ShoalError {
    const known = existing.length === 0 ? 'there are no models' : `there are: ${existing.join(', ')}`;
    return new ShoalError('MODEL_NOT_FOUND', `No model "${model}" here; ${known}.`);
  }

  static contextExceeded(promptTokens: number, contextLength: number): ShoalError {
    return new ShoalError(
      'CONTEXT_EXCEEDED',
      `The prompt has ${promptTokens} tokens; the model's context holds ${contextLength}, the answer included.`,
    );
  }

  static unauthorized(why: string): ShoalError {
    return new ShoalError('UNAUTHORIZED', why);
  }
}

/** Returns undefined for any other error than `ShoalError.contextExceeded`, also if a peer sent it. */
export function exceededContextOf({ message }: ShoalError): ExceededContext | undefined {
  const { promptTokens, contextLength } = CONTEXT_EXCEEDED.exec(message)?.groups ?? {};
  if (promptTokens === undefined || contextLength === undefined) return undefined;
  return { promptTokens: Number(promptTokens), contextLength: Number(contextLength) };
}

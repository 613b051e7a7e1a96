import { randomBytes } from 'node:crypto';
import { writeDurably } from '@shoal/files/durable-write';
import { type FileLock, lockFile } from '@shoal/files/file-lock';
import { untilLocked } from '@shoal/files/until-locked';
import { ShoalError } from '@shoal/protocol/error';
import { isName, NAME_CHARACTERS } from '../printable.ts';
import { homeFiles, type Home } from './home.ts';
import {
  hashToken,
  readTokens,
  type Scope,
  SCOPES,
  type StoredToken,
  TOKEN_PREFIX,
  type TokenRecord,
  tokensText,
} from './token-file.ts';

/** Tokens of one home. Each look-up compares with every token. More are refused. */
export const TOKENS_MAX = 256;
/** The longest life of a token with an end, about 100 years. */
export const TOKEN_LIFE_MAX_MS = 36_500 * 86_400_000;
/** The highest rate that a token may have. */
export const REQUESTS_PER_MINUTE_MAX = 1_000_000;

const SECRET_BYTES = 32;
const ID_BYTES = 4;
/** Longest wait for another program that changes the tokens. */
const LOCK_WAIT_MS = 10_000;

export interface NewToken {
  /** Default: its id. */
  readonly name?: string | undefined;
  readonly scopes: readonly Scope[];
  readonly expiresInMs?: number | undefined;
  readonly requestsPerMinute?: number | undefined;
}

export interface CreatedToken {
  readonly record: TokenRecord;
  /** `shoal_` and 43 URL-safe characters. It is not stored and cannot be shown again. */
  readonly secret: string;
}

/** Adds a token to a home, which must exist. Throws `INVALID_REQUEST` if its name is in use or a value is not valid. */
export async function createToken(home: Home, token: NewToken, now = Date.now()): Promise<CreatedToken> {
  check(token);
  const secret = `${TOKEN_PREFIX}${randomBytes(SECRET_BYTES).toString('base64url')}`;
  const record = await change(home, (before) => {
    const result = newRecord(token, before, now);
    return { result, tokens: [...before, { record: result, hash: hashToken(secret) }] };
  });
  return { record, secret };
}

/** Returns the tokens of a home in the order of their creation, expired ones included. */
export function listTokens(home: Home): readonly TokenRecord[] {
  return readTokens(homeFiles(home).tokens).map(({ record }) => record);
}

/** Removes the token with this id or name. Throws `INVALID_REQUEST` if there is none. */
export function revokeToken(home: Home, idOrName: string): Promise<TokenRecord> {
  return change(home, (before) => {
    const revoked = before.find(({ record: { id, name } }) => id === idOrName || name === idOrName);
    if (revoked === undefined) {
      throw ShoalError.invalidRequest(`There is no token "${idOrName}"; "shoal token list" shows the tokens.`);
    }
    return { result: revoked.record, tokens: before.filter((token) => token !== revoked) };
  });
}

function check({ name, scopes, expiresInMs, requestsPerMinute }: NewToken): void {
  if (name !== undefined && !isName(name)) {
    throw ShoalError.invalidRequest(`The name of a token must be 1 to ${NAME_CHARACTERS} printable characters.`);
  }
  if (scopes.length === 0) throw ShoalError.invalidRequest(`A token needs a scope: ${SCOPES.join(', ')}.`);
  checkWhole('The life of a token', 'milliseconds', expiresInMs, TOKEN_LIFE_MAX_MS);
  checkWhole('The rate of a token', 'requests per minute', requestsPerMinute, REQUESTS_PER_MINUTE_MAX);
}

function checkWhole(what: string, unit: string, value: number | undefined, most: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= 1 && value <= most)) return;
  throw ShoalError.invalidRequest(`${what} must be 1 to ${most} ${unit}.`);
}

function newRecord(token: NewToken, tokens: readonly StoredToken[], now: number): TokenRecord {
  if (tokens.length >= TOKENS_MAX) {
    throw ShoalError.invalidRequest(`A node has at most ${TOKENS_MAX} tokens. Revoke one: shoal token revoke NAME`);
  }
  const used = new Set(tokens.flatMap(({ record: { id, name } }) => [id, name]));
  const id = newId(used);
  const { name = id, scopes, expiresInMs, requestsPerMinute } = token;
  if (used.has(name)) {
    throw ShoalError.invalidRequest(`There is a token "${name}" already. Use another name, or revoke that one first.`);
  }
  return {
    id,
    name,
    scopes: SCOPES.filter((scope) => scopes.includes(scope)),
    createdAt: new Date(now).toISOString(),
    ...(expiresInMs !== undefined && { expiresAt: new Date(now + expiresInMs).toISOString() }),
    ...(requestsPerMinute !== undefined && { requestsPerMinute }),
  };
}

function newId(used: ReadonlySet<string>): string {
  const id = randomBytes(ID_BYTES).toString('hex');
  return used.has(id) ? newId(used) : id;
}

interface Change {
  readonly tokens: readonly StoredToken[];
  readonly result: TokenRecord;
}

/** Replaces the tokens while no other program does. */
async function change(home: Home, edit: (before: readonly StoredToken[]) => Change): Promise<TokenRecord> {
  const files = homeFiles(home);
  const lock = await acquireLock(files.tokensLock);
  try {
    const { tokens, result } = edit(readTokens(files.tokens));
    await writeDurably(files.tokens, tokensText(tokens));
    return result;
  } finally {
    lock.release();
  }
}

async function acquireLock(path: string): Promise<FileLock> {
  const signal = AbortSignal.timeout(LOCK_WAIT_MS);
  try {
    return await untilLocked(() => lockFile(path), { signal });
  } catch (error) {
    const why = signal.aborted ? 'is held by another program' : 'cannot be acquired';
    throw new ShoalError('INVALID_REQUEST', `The lock ${path} ${why}. If no "shoal token" runs, delete it.`, {
      cause: error,
    });
  }
}

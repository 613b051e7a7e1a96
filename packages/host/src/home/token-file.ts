import { createHash } from 'node:crypto';
import { parseJson, readSecretSync } from '@shoal/files/read';
import { ShoalError } from '@shoal/protocol/error';
import { isObject } from '@shoal/protocol/json';

/**
 * The rights of a token: `infer` to generate, `read` to list models and see the state, `admin` for everything, such as
 * stopping the node or removing models.
 */
export const SCOPES = ['infer', 'read', 'admin'] as const;

export type Scope = (typeof SCOPES)[number];

/** Every token begins with this, so that tokens of other programs are told apart. */
export const TOKEN_PREFIX = 'shoal_';

const SHA256_HEX = /^[0-9a-f]{64}$/;

/** One token of the local API, without its secret. */
export interface TokenRecord {
  /** 8 hex digits. */
  readonly id: string;
  /** Unique in its home, and not the id of another token. */
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** As ISO 8601, in UTC. */
  readonly createdAt: string;
  /** As ISO 8601, in UTC. Undefined if the token does not expire. */
  readonly expiresAt?: string | undefined;
  readonly requestsPerMinute?: number | undefined;
}

/** A token as the file has it. */
export interface StoredToken {
  readonly record: TokenRecord;
  /** SHA-256 of the secret. The secret has 256 random bits, so a slow hash would add nothing. */
  readonly hash: Buffer;
}

export function hashToken(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

/** Returns true if a token with these scopes may do what needs `scope`. */
export function allows(scopes: readonly Scope[], scope: Scope): boolean {
  return scopes.includes(scope) || scopes.includes('admin');
}

export function isExpired({ expiresAt }: TokenRecord, now: number): boolean {
  return expiresAt !== undefined && Date.parse(expiresAt) <= now;
}

/**
 * Returns the tokens of a file, or an empty list if there is no file. Throws `UNAUTHORIZED` if other users can read it,
 * `INVALID_REQUEST` if it is not valid.
 */
export function readTokens(path: string): readonly StoredToken[] {
  const text = readSecretSync(path);
  if (text === undefined) return [];
  const value = parseJson(path, text);
  const tokens = isObject(value) && Array.isArray(value['tokens']) ? value['tokens'].map(storedToken) : undefined;
  if (tokens === undefined || tokens.includes(undefined)) {
    throw ShoalError.invalidRequest(
      `${path} is not a list of tokens. Restore it, or delete it and make new tokens with "shoal token create".`,
    );
  }
  return tokens.filter((token) => token !== undefined);
}

/** Returns the text of the file. */
export function tokensText(tokens: readonly StoredToken[]): string {
  const list = tokens.map(({ record, hash }) => ({ ...record, sha256: hash.toString('hex') }));
  return `${JSON.stringify({ tokens: list }, undefined, 2)}\n`;
}

function storedToken(value: unknown): StoredToken | undefined {
  if (!isObject(value)) return undefined;
  const { id, name, scopes, createdAt, expiresAt, requestsPerMinute, sha256 } = value;
  if (typeof id !== 'string' || typeof name !== 'string' || !isTime(createdAt)) return undefined;
  if (!Array.isArray(scopes) || !scopes.every(isScope) || scopes.length === 0) return undefined;
  if (typeof sha256 !== 'string' || !SHA256_HEX.test(sha256)) return undefined;
  if (expiresAt !== undefined && !isTime(expiresAt)) return undefined;
  if (requestsPerMinute !== undefined && !isCount(requestsPerMinute)) return undefined;
  return {
    record: { id, name, scopes, createdAt, ...given({ expiresAt, requestsPerMinute }) },
    hash: Buffer.from(sha256, 'hex'),
  };
}

/** Leaves out what is undefined, so that records compare and print as they are. */
function given({ expiresAt, requestsPerMinute }: Pick<TokenRecord, 'expiresAt' | 'requestsPerMinute'>): object {
  return {
    ...(expiresAt !== undefined && { expiresAt }),
    ...(requestsPerMinute !== undefined && { requestsPerMinute }),
  };
}

function isScope(value: unknown): value is Scope {
  return SCOPES.some((scope) => scope === value);
}

function isTime(value: unknown): value is string {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value));
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}

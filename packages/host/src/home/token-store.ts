import { timingSafeEqual } from 'node:crypto';
import { statSync } from 'node:fs';
import { errorCode } from '@shoal/files/error-code';
import { ShoalError } from '@shoal/protocol/error';
import { homeFiles, type Home } from './home.ts';
import { hashToken, isExpired, readTokens, type StoredToken, TOKEN_PREFIX, type TokenRecord } from './token-file.ts';

export interface TokenStoreOptions {
  /** Called once for each state of the file that cannot be used. Until the file is repaired no token is valid. */
  readonly onError: (error: ShoalError) => void;
  /** The time of day. Default: `Date.now`. */
  readonly now?: (() => number) | undefined;
}

/**
 * The tokens of a home for its running node. Each look-up compares the file's metadata with those of the last one, so that a
 * revoked token is refused from the next request on.
 */
export class TokenStore {
  readonly #path: string;
  readonly #options: TokenStoreOptions;
  #version = '';
  #tokens: readonly StoredToken[] = [];

  /** Throws `UNAUTHORIZED` if other users can read the file, `INVALID_REQUEST` if it is not valid. */
  constructor(home: Home, options: TokenStoreOptions) {
    this.#path = homeFiles(home).tokens;
    this.#options = options;
    this.#version = versionOf(this.#path);
    this.#tokens = readTokens(this.#path);
  }

  /** True if at least one token is valid now. */
  get hasTokens(): boolean {
    this.#refresh();
    return this.#tokens.some((token) => !this.#isExpired(token));
  }

  /** Returns the token with this secret, or undefined if it is unknown, revoked or has expired. */
  find(bearer: string): TokenRecord | undefined {
    if (!bearer.startsWith(TOKEN_PREFIX)) return undefined;
    this.#refresh();
    const hash = hashToken(bearer);
    let found: StoredToken | undefined;
    // All tokens are compared, so that the time does not depend on the position of the match.
    for (const token of this.#tokens) if (timingSafeEqual(token.hash, hash)) found = token;
    return found === undefined || this.#isExpired(found) ? undefined : found.record;
  }

  #isExpired({ record }: StoredToken): boolean {
    return isExpired(record, (this.#options.now ?? Date.now)());
  }

  /** The version is read first: a change during the reading is found by the next look-up. */
  #refresh(): void {
    const version = versionOf(this.#path);
    if (version === this.#version) return;
    this.#version = version;
    this.#tokens = [];
    try {
      this.#tokens = readTokens(this.#path);
    } catch (error) {
      this.#options.onError(ShoalError.from(error));
    }
  }
}

/** Differs after each change of the file's content or permissions. */
function versionOf(path: string): string {
  try {
    const found = statSync(path, { bigint: true, throwIfNoEntry: false });
    return found === undefined ? '' : [found.mtimeNs, found.ctimeNs, found.size, found.ino].join();
  } catch (error) {
    return errorCode(error);
  }
}

import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { hashToken, type Scope, SCOPES, TOKEN_PREFIX, type TokenRecord } from '@shoal/host/home/token-file';

/** Open to every program of this machine, which may send any text as its key. */
const OPEN_SCOPES = ['infer', 'read'] as const;

export interface CredentialOptions {
  /** The token in the `api.json` of this run. */
  readonly ownToken: string;
  /** The tokens of the home: a `TokenStore`. */
  readonly tokens: { find(bearer: string): TokenRecord | undefined };
}

/** The rights of a caller. */
export interface Rights {
  /** Undefined for the node's own token and for a caller without a token. */
  readonly token?: TokenRecord | undefined;
  readonly scopes: readonly Scope[];
}

const ALL: Rights = { scopes: SCOPES };
const OPEN: Rights = { scopes: OPEN_SCOPES };

/**
 * Returns the rights of a caller by its headers, or undefined if it needs a token that it has not sent. A text that begins like
 * a token of Shoal is always checked, and then only its scopes count.
 */
export function createCredentialCheck({
  ownToken,
  tokens,
}: CredentialOptions): (headers: IncomingHttpHeaders, isOpen: boolean) => Rights | undefined {
  const own = hashToken(ownToken);
  return (headers, isOpen) => {
    const sent = [bearerOf(headers), headers['x-api-key']].filter((text) => typeof text === 'string');
    if (sent.some((text) => timingSafeEqual(hashToken(text), own))) return ALL;
    const secret = sent.find((text) => text.startsWith(TOKEN_PREFIX));
    if (secret === undefined) return isOpen ? OPEN : undefined;
    const token = tokens.find(secret);
    return token && { token, scopes: token.scopes };
  };
}

function bearerOf({ authorization }: IncomingHttpHeaders): string | undefined {
  return /^bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
}

import { listTokens } from '@shoal/host/home/api-tokens';
import { isExpired, type TokenRecord } from '@shoal/host/home/token-file';
import { EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { columns, print } from '../../terminal/output.ts';

/** `shoal token list`: shows the tokens of the home, which need no running node. */
export async function listApiTokens(context: Context): Promise<number> {
  const now = Date.now();
  const tokens = listTokens(context.home);
  const document = { tokens: tokens.map((token) => ({ ...token, expired: isExpired(token, now) })) };
  print(context, document, tokens.length === 0 ? ['No tokens. To make one: shoal token create'] : table(tokens, now));
  return EXIT.ok;
}

function table(tokens: readonly TokenRecord[], now: number): string[] {
  return columns([
    ['ID', 'NAME', 'SCOPES', 'CREATED', 'EXPIRES', 'PER MINUTE'],
    ...tokens.map((token) => [
      token.id,
      token.name,
      token.scopes.join(','),
      minuteOf(token.createdAt),
      endOf(token, now),
      token.requestsPerMinute?.toString() ?? '-',
    ]),
  ]);
}

function endOf(token: TokenRecord, now: number): string {
  if (token.expiresAt === undefined) return 'never';
  return isExpired(token, now) ? 'expired' : minuteOf(token.expiresAt);
}

/** `2026-01-02 03:04 UTC` of an ISO time. */
function minuteOf(time: string): string {
  return `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

import { prepareHome } from '@shoal/host/home';
import { createToken } from '@shoal/host/home/api-tokens';
import type { Scope } from '@shoal/host/home/token-file';
import { EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { print } from '../../terminal/output.ts';

/** The rights that a program needs which lists models and generates. */
const USUAL_SCOPES = ['infer', 'read'] as const;

export interface TokenCreateFlags {
  readonly name?: string | undefined;
  readonly scope?: readonly Scope[] | undefined;
  /** In milliseconds. */
  readonly expires?: number | undefined;
  /** Requests per minute. */
  readonly rate?: number | undefined;
}

/** `shoal token create`: adds a token to the home. Only the secret goes to stdout, so that a script can keep it. */
export async function createApiToken(context: Context, flags: TokenCreateFlags): Promise<number> {
  prepareHome(context.home);
  const { record, secret } = await createToken(context.home, {
    name: flags.name,
    scopes: flags.scope ?? USUAL_SCOPES,
    expiresInMs: flags.expires,
    requestsPerMinute: flags.rate,
  });
  print(context, { ...record, token: secret }, [secret]);
  if (!context.json) process.stderr.write(advice(record.name));
  return EXIT.ok;
}

function advice(name: string): string {
  return (
    'This token is shown once: save it now. Programs send it as "Authorization: Bearer TOKEN", or as their API key.\n' +
    `To make it invalid: shoal token revoke ${/^[\w.-]+$/.test(name) ? name : `'${name.replaceAll("'", `'\\''`)}'`}\n`
  );
}

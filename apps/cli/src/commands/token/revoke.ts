import { prepareHome } from '@shoal/host/home';
import { revokeToken } from '@shoal/host/home/api-tokens';
import { EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { print } from '../../terminal/output.ts';

/** `shoal token revoke`: removes a token from the home. A running node refuses it from the next request on. */
export async function revokeApiToken(context: Context, idOrName: string): Promise<number> {
  prepareHome(context.home);
  const { id, name } = await revokeToken(context.home, idOrName);
  print(context, { id, name, revoked: true }, [`Revoked ${name === id ? id : `${name} (${id})`}`]);
  return EXIT.ok;
}

import { loadConfiguration } from '@shoal/host/configuration';
import { launchSettings } from '@shoal/host/launch-settings';
import { at, checkName, keysOf } from '@shoal/host/settings/values';
import { ShoalError } from '@shoal/protocol/error';
import { EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { print } from '../../terminal/output.ts';
import { valueText } from './value-text.ts';

/** `shoal config get`: the value that a start without flags uses. Throws `INVALID_REQUEST` if the setting has none. */
export async function getSetting(context: Context, name: string): Promise<number> {
  checkName(name);
  const { paddedTopic, ...configuration } = await loadConfiguration(context.home, launchSettings({}, process.env));
  const value = at({ ...configuration, opengateway: { paddedTopic } }, keysOf(name));
  if (value === undefined)
    throw ShoalError.invalidRequest(`"${name}" is not set. Set it with: shoal config set ${name} VALUE`);
  print(context, { name, value }, [valueText(value)]);
  return EXIT.ok;
}

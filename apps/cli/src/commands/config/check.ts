import { loadConfiguration } from '@shoal/host/configuration';
import { launchSettings } from '@shoal/host/launch-settings';
import { findConfiguration } from '@shoal/host/settings/file';
import { EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { print } from '../../terminal/output.ts';

/** `shoal config check`: throws the error of the file, or of an environment variable. Others may not read its secrets. */
export async function checkFile(context: Context): Promise<number> {
  const file = await findConfiguration(context.home);
  await loadConfiguration(context.home, launchSettings({}, process.env));
  const text = file === undefined ? `There is no configuration in ${context.home.config}.` : `${file.path} is valid.`;
  print(context, { ok: true, path: file?.path ?? null }, [text]);
  return EXIT.ok;
}

import { fileSettings } from '@shoal/host/configuration';
import type { Home } from '@shoal/host/home';
import { type Flags, launchSettings, mergeSettings } from '@shoal/host/launch-settings';
import { type Edit, editConfiguration } from '@shoal/host/settings/edit';
import { at } from '@shoal/host/settings/values';

/** Keeps the settings of flags in the configuration, as `--save` asks, and says so on stderr. */
export async function saveFlags(home: Home, flags: Flags): Promise<void> {
  const settings = launchSettings(flags, {});
  const merged = mergeSettings(await fileSettings(home), settings);
  const edits = Object.keys(settings).map((name): Edit => ({ keys: [name], value: at(merged, [name]) }));
  if (edits.length === 0) return;
  const path = await editConfiguration(home, edits);
  process.stderr.write(`Saved in ${path}: ${edits.map(({ keys }) => keys.join()).join(', ')}\n`);
}

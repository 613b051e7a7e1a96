import type { StagedFile } from '@shoal/files/durable-write';
import { fileSettings } from '@shoal/host/configuration';
import type { Home } from '@shoal/host/home';
import { type Flags, launchSettings, mergeSettings } from '@shoal/host/launch-settings';
import { type Edit, stageEdits } from '@shoal/host/settings/edit';
import { at } from '@shoal/host/settings/values';

/**
 * Runs `work` and then keeps the settings of flags in the configuration, as `--save` asks, with a line on stderr. Flags with which
 * the work fails are not kept, and flags that cannot be kept, because the disk is full, do no work.
 */
export async function savingFlags<Result>(
  home: Home,
  flags: Flags,
  isAsked: boolean | undefined,
  work: () => Promise<Result>,
): Promise<Result> {
  const saved = isAsked === true ? await stageFlags(home, flags) : undefined;
  try {
    const result = await work();
    await saved?.commit();
    return result;
  } catch (error) {
    await saved?.discard();
    throw error;
  }
}

async function stageFlags(home: Home, flags: Flags): Promise<StagedFile | undefined> {
  const settings = launchSettings(flags, {});
  const merged = mergeSettings(await fileSettings(home), settings);
  const edits = Object.keys(settings).map((name): Edit => ({ keys: [name], value: at(merged, [name]) }));
  if (edits.length === 0) return undefined;
  const staged = await stageEdits(home, edits);
  return {
    async commit() {
      await staged.commit();
      process.stderr.write(`Saved in ${staged.path}: ${edits.map(({ keys }) => keys.join()).join(', ')}\n`);
    },
    discard: () => staged.discard(),
  };
}

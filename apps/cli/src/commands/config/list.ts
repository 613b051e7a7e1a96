import { loadConfiguration } from '@shoal/host/configuration';
import type { Home } from '@shoal/host/home';
import { launchSettings } from '@shoal/host/launch-settings';
import { findConfiguration, locationOf, settingsOfFile } from '@shoal/host/settings/file';
import { placeOf } from '@shoal/host/settings/place';
import type { Setting, SettingTable } from '@shoal/host/settings/setting';
import { SETTINGS } from '@shoal/host/settings/table';
import { at } from '@shoal/host/settings/values';
import { EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { columns, print } from '../../terminal/output.ts';
import { valueText } from './value-text.ts';

const TABLE: SettingTable = SETTINGS;
const SECRET = '(secret)';

interface ListedSetting {
  readonly name: string;
  /** Undefined if the setting has neither a value nor a default. */
  readonly value?: unknown;
  /** A place in the file, a variable, or `default`. */
  readonly origin: string;
}

/** `shoal config list`: the settings that a start without flags uses. A member of an object has a line of its own. */
export async function listSettings(
  context: Context,
  { showOrigin = false }: { readonly showOrigin?: boolean | undefined },
): Promise<number> {
  const settings = await listed(context.home);
  const rows = settings.map(({ name, value, origin }) => [
    name,
    value === undefined ? `(${TABLE[name]?.unset ?? 'not set'})` : valueText(value),
    ...(showOrigin ? [origin] : []),
  ]);
  print(context, { settings }, columns(rows));
  return EXIT.ok;
}

async function listed(home: Home): Promise<readonly ListedSetting[]> {
  const environment = launchSettings({}, process.env);
  const { paddedTopic, ...configuration } = await loadConfiguration(home, environment);
  const values = { ...configuration, opengateway: { paddedTopic } };
  const origins = await originsIn(home);
  const all = Object.entries(TABLE).map(async ([name, entry]) => {
    const variable = at(environment, [name]) === undefined ? undefined : variablesOf(entry);
    return Promise.all(
      leaves([name], at(values, [name])).map(async ({ keys, value }) => ({
        name: keys.join('.'),
        ...shownValue(entry, value),
        origin: originOf(entry, variable, await origins(keys)),
      })),
    );
  });
  return (await Promise.all(all)).flat();
}

/** The variables of a setting that have a value. */
function variablesOf({ variable, listVariable }: Setting): string {
  return [variable, listVariable].filter((name) => name !== undefined && process.env[name]).join(', ');
}

/** A variable takes precedence over the file, unless the values of both are joined. */
function originOf({ merges }: Setting, variable: string | undefined, place: string | undefined): string {
  if (variable === undefined) return place ?? 'default';
  return merges && place !== undefined ? `${place}, ${variable}` : variable;
}

/** Returns a function from the keys of a setting to its place in the configuration file. */
async function originsIn(home: Home): Promise<(keys: readonly string[]) => Promise<string | undefined>> {
  const file = await findConfiguration(home);
  if (file === undefined) return async () => undefined;
  const settings = await settingsOfFile(file);
  return async (keys) => {
    if (at(settings, keys) === undefined) return undefined;
    return locationOf(file, await placeOf(file.text, keys));
  };
}

function shownValue({ secret }: Setting, value: unknown): { readonly value?: unknown } {
  if (value === undefined) return {};
  return { value: secret ? SECRET : value };
}

interface Leaf {
  readonly keys: readonly string[];
  readonly value: unknown;
}

/** The members of objects, at any depth. An empty object is a value. */
function leaves(keys: readonly string[], value: unknown): readonly Leaf[] {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  const members = isObject ? Object.entries(value) : [];
  if (members.length === 0) return [{ keys, value }];
  return members.flatMap(([key, member]) => leaves([...keys, key], member));
}

import type { Configuration } from './configuration.ts';
import { DOOR_SETTINGS, type DoorName } from './door-table.ts';
import { defaultsOf, type Values } from './setting.ts';
import { withoutUndefined } from './without-undefined.ts';

/** The settings of a door, with defaults. */
export type DoorConfiguration<Door extends DoorName> = Door extends DoorName
  ? Values<(typeof DOOR_SETTINGS)[Door]>
  : never;

/** Returns the settings of a door. `given` comes before the configuration: flags of the door's own command. */
export function doorSettings<Door extends DoorName>(
  name: Door,
  { doors }: Pick<Configuration, 'doors'>,
  given: Configuration['doors'] = {},
): DoorConfiguration<Door> {
  return {
    ...defaultsOf(DOOR_SETTINGS[name]),
    ...withoutUndefined(doors[name] ?? {}),
    ...withoutUndefined(given[name] ?? {}),
  } as DoorConfiguration<Door>;
}

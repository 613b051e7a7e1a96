import type { z } from 'zod';
import type { kinds } from './kinds.ts';

/** The schemas that the tables use. They are passed in, so that a command can show its flags without loading zod. */
export type Kinds = typeof kinds;

/** The commands that have flags for settings. */
export type SettingCommand =
  | 'serve'
  | 'start'
  | 'restart'
  | 'donate'
  | 'qmesh worker'
  | 'qmesh ask'
  | 'share'
  | 'chat'
  | 'run'
  | 'batch'
  | 'engine measure'
  | 'doctor';

/** One setting. Everything that depends on a setting is derived from its entry in a table. */
export interface Setting {
  /** One sentence for the help texts and docs/settings.md, without a full stop. */
  readonly description: string;
  readonly schema: (is: Kinds) => z.ZodType;
  /** As commander writes it, with a placeholder for the value: `--port <port>`. */
  readonly flag?: string;
  /** The flag for the value false. */
  readonly negation?: { readonly flag: string; readonly description: string };
  readonly commands?: readonly SettingCommand[];
  /** The flag may be repeated: its values form a list, or are the members of an object, by name or as `name=value`. */
  readonly repeats?: true;
  /** One text of a list may contain several items, separated by this. */
  readonly separator?: ',';
  /** The environment variable. */
  readonly variable?: string;
  /** Another variable, with several items separated by commas. OpenGateway's programs read it. */
  readonly listVariable?: string;
  /** A value, or a function that returns it. */
  readonly default?: string | number | boolean | object | (() => string);
  /** The effect of leaving the setting out, if `default` does not show it. */
  readonly unset?: string;
  /** Never recorded, and other users must not be able to read a configuration file with this setting. */
  readonly secret?: true;
  /** The values of all sources are joined. If the file describes a member of an object, that description is used. */
  readonly merges?: true;
  /**
   * Paths are relative to the working folder, or to the configuration file's folder. `model`: a text may also be the name of
   * a model, which stays as it is.
   */
  readonly path?: 'file' | 'model';
}

export type SettingTable = Readonly<Record<string, Setting>>;

export type SchemaOf<Entry extends Setting> = ReturnType<Entry['schema']>;

export type ShapeOf<Table extends SettingTable> = { readonly [Name in keyof Table]: SchemaOf<Table[Name]> };

/** The schemas of a table by name. */
export function shapeOf<Table extends SettingTable>(table: Table, is: Kinds): ShapeOf<Table> {
  const schemas = Object.entries(table).map(([name, { schema }]) => [name, schema(is)]);
  return Object.fromEntries(schemas) as ShapeOf<Table>;
}

type Group<Table extends SettingTable> = ReturnType<typeof kinds.object<ShapeOf<Table>>>;

type Members<Tables extends Readonly<Record<string, SettingTable>>> = {
  readonly [Name in keyof Tables]: Group<Tables[Name]>;
};

/** The schemas of objects, each of which has a table. */
export function membersOf<Tables extends Readonly<Record<string, SettingTable>>>(
  tables: Tables,
  is: Kinds,
): Members<Tables> {
  const schemas = Object.entries(tables).map(([name, table]) => [name, is.object(shapeOf(table, is))]);
  return Object.fromEntries(schemas) as Members<Tables>;
}

type ReadonlyValue<Value> = Value extends readonly (infer Item)[] ? readonly Item[] : Value;

type Defaulted<Table extends SettingTable> = {
  [Name in keyof Table]: Table[Name] extends { readonly default: unknown } ? Name : never;
}[keyof Table];

/** The values of a table once defaults are filled in. */
export type Values<Table extends SettingTable> = {
  readonly [Name in Defaulted<Table>]: ReadonlyValue<z.infer<SchemaOf<Table[Name]>>>;
} & {
  readonly [Name in Exclude<keyof Table, Defaulted<Table>>]?: ReadonlyValue<z.infer<SchemaOf<Table[Name]>>> | undefined;
};

/** The defaults of a table by name. */
export function defaultsOf<Table extends SettingTable>(table: Table): Pick<Values<Table>, Defaulted<Table>> {
  const values = Object.entries(table)
    .filter(([, entry]) => entry.default !== undefined)
    .map(([name, { default: value }]) => [name, typeof value === 'function' ? value() : value]);
  return Object.fromEntries(values) as Pick<Values<Table>, Defaulted<Table>>;
}

/** `--port` of `--port <port>`, and the last of several spellings. */
export function longFlag(flag: string): string {
  return /.*(--[a-z-]+)/.exec(flag)?.[1] ?? flag;
}

/** The key of a flag among the parsed options of a command: `gpuLayers` for `--gpu-layers <n>`. */
export function optionKey(flag: string): string {
  return longFlag(flag)
    .slice(2)
    .replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** The settings of a table among a command's parsed options, by name. */
export function settingsOf(
  table: SettingTable,
  command: SettingCommand,
  options: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const given = Object.entries(table).flatMap(([name, { flag, commands }]) => {
    const value = flag !== undefined && commands?.includes(command) ? options[optionKey(flag)] : undefined;
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(given);
}

import { writeJson } from '@shoal/files/durable-write';
import { readJson } from '@shoal/files/read';
import { ShoalError } from '@shoal/protocol/error';
import { isObject } from '@shoal/protocol/json';
import { recordEnd, RUN } from '../home/crash.ts';
import { homeFiles, type Home } from '../home/home.ts';
import { longFlag, type SettingTable } from './setting.ts';
import { parseSettings, type Settings } from './settings.ts';
import { type SettingName, SETTINGS } from './table.ts';

const TABLE: SettingTable = SETTINGS;

/** A node's last run as `launch.json` describes it. */
export interface LastRun {
  /** The settings of its flags and variables, without secrets. */
  readonly settings: Settings;
  /** The names of the secrets that it had, from any source. */
  readonly secrets: readonly string[];
  /** False: the node was killed, or its machine was. */
  readonly ended: boolean;
}

/** Records a run of a node, without the values of its secrets: what `restart`, and `start` after a crash, start again. */
export class RunRecord {
  readonly #home: Home;
  #run: LastRun;
  /** Writes run one after another, so that the last one is on disk at the end. */
  #writing: Promise<void> = Promise.resolve();

  /** `launch`: the settings of flags and variables. `configuration`: those of all sources. */
  constructor(home: Home, launch: Settings, configuration: object) {
    this.#home = home;
    const settings = Object.fromEntries(Object.entries(launch).filter(([name]) => TABLE[name]?.secret !== true));
    const secrets = Object.entries(configuration).flatMap(([name, value]) =>
      value !== undefined && TABLE[name]?.secret ? [name] : [],
    );
    this.#run = { settings, secrets, ended: false };
  }

  /** Call when the node runs. A node that does not start leaves the record of the run before. */
  begin(): Promise<void> {
    return this.#save();
  }

  /** Call when the node leaves a cluster: it is not joined again by this run's flags. */
  async forgetCluster(id: string): Promise<void> {
    const before = this.#run;
    const { clusters, ...settings } = before.settings;
    if (clusters?.includes(id) !== true) return;
    const others = clusters.filter((cluster) => cluster !== id);
    this.#run = { ...before, settings: { ...settings, ...(others.length > 0 && { clusters: others }) } };
    try {
      await this.#save();
    } catch (error) {
      this.#run = before;
      throw error;
    }
  }

  /** Call when the node is told to stop. */
  end(): Promise<void> {
    this.#run = { ...this.#run, ended: true };
    return recordEnd(this.#home, this.#save());
  }

  #save(): Promise<void> {
    const result = this.#writing.then(() => writeLastRun(this.#home, this.#run));
    this.#writing = result.catch(() => undefined);
    return result;
  }
}

/** Returns undefined if no node of this home ever ran. */
export async function readLastRun(home: Home): Promise<LastRun | undefined> {
  const path = homeFiles(home).launch;
  const value = await readJson(path);
  if (value === undefined) return undefined;
  const { [RUN]: run, ...settings } = isObject(value) ? value : {};
  const { secrets, ended } = isObject(run) ? run : {};
  return {
    settings: parseSettings(isObject(value) ? settings : value, (key) => `${path}: "${key}"`),
    secrets: Array.isArray(secrets) ? secrets.filter((name) => typeof name === 'string') : [],
    ended: ended !== false,
  };
}

/** Throws `INVALID_REQUEST` with the variable of a secret that the last run had and `configuration` has not. */
export function checkSecrets({ secrets }: LastRun, configuration: object): void {
  const has = new Set(Object.entries(configuration).flatMap(([name, value]) => (value === undefined ? [] : [name])));
  const missing = secrets.find((name) => !has.has(name));
  if (missing === undefined) return;
  throw ShoalError.invalidRequest(
    `The last run had the secret ${missing}, which is never recorded and is missing now. ` +
      `Set ${TABLE[missing]?.variable ?? missing} and try again. "shoal stop" forgets the last run.`,
  );
}

function writeLastRun(home: Home, { settings, ...run }: LastRun): Promise<void> {
  return writeJson(homeFiles(home).launch, { ...settings, [RUN]: run });
}

/** The flags of `shoal serve` for these settings. */
export function launchFlags(launch: Settings): string[] {
  return Object.entries(launch).flatMap(([name, value]) => {
    const flag = serveFlag(name);
    if (flag === undefined || value === undefined) return [];
    if (value === false) return TABLE[name]?.negation?.flag ?? [];
    return value === true ? flag : textsOf(value).map((text) => `${flag}=${text}`);
  });
}

/** The environment variables for those of these settings that `shoal serve` has no flag for. */
export function launchVariables(launch: Settings): Record<string, string> {
  const variables = Object.entries(launch).flatMap(([name, value]) => {
    const variable = serveFlag(name) === undefined ? TABLE[name]?.variable : undefined;
    return variable === undefined || value === undefined ? [] : [[variable, textsOf(value).join()] as const];
  });
  return Object.fromEntries(variables);
}

/** One text for each value of a flag that may be repeated. */
function textsOf(value: NonNullable<Settings[SettingName]>): string[] {
  if (Array.isArray(value)) return value;
  if (typeof value !== 'object') return [String(value)];
  return Object.entries(value).map(([name, member]) => (typeof member === 'string' ? `${name}=${member}` : name));
}

function serveFlag(name: string): string | undefined {
  const { flag, commands } = TABLE[name] ?? {};
  return flag !== undefined && commands?.includes('serve') ? longFlag(flag) : undefined;
}

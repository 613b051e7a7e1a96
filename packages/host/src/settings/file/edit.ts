import { mkdir, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FILE_MODE, FOLDER_MODE, stageFile, type StagedFile } from '@shoal/files/durable-write';
import { isMissing } from '@shoal/files/error-code';
import { homeFiles, type Home } from '../../home/home.ts';
import {
  type ConfigurationFile,
  findConfiguration,
  hasSecret,
  isJson,
  settingsOfFile,
  valueOfFile,
} from './configuration-file.ts';

/** A change of one setting. A value that is undefined removes it. */
export interface Edit {
  readonly keys: readonly string[];
  readonly value: unknown;
}

const PERMISSIONS = 0o777;

const UNCHANGED: StagedFile = { commit: async () => {}, discard: async () => {} };

/**
 * Changes the configuration file of a home, or creates `config.json`. Comments and the other lines stay. Returns its path.
 * Throws `INVALID_REQUEST`, and writes nothing, if the new text has an error.
 */
export async function editConfiguration(home: Home, edits: readonly Edit[]): Promise<string> {
  const staged = await stageEdits(home, edits);
  await staged.commit();
  return staged.path;
}

/** A changed configuration that is on the disk, and not in use yet. */
export interface StagedConfiguration extends StagedFile {
  readonly path: string;
}

/** As `editConfiguration`, but the file is replaced by `commit`, which needs no more space on the disk. */
export async function stageEdits(home: Home, edits: readonly Edit[]): Promise<StagedConfiguration> {
  const before = await findConfiguration(home);
  const [path = ''] = homeFiles(home).configurations;
  // An error of the text is reported before it is changed. A wrong value is not: the change may correct it.
  if (before !== undefined) await valueOfFile(before);
  let file: ConfigurationFile = before ?? { path, text: '' };
  for (const edit of edits) file = { ...file, text: await edited(file, edit) };
  const staged = file.text === before?.text ? UNCHANGED : await stageConfiguration(file);
  return { path: file.path, ...staged };
}

/** Writes a configuration after a check. Only its owner can read one with a secret. */
export async function writeConfiguration(file: ConfigurationFile): Promise<void> {
  const staged = await stageConfiguration(file);
  await staged.commit();
}

async function stageConfiguration(file: ConfigurationFile): Promise<StagedFile> {
  const settings = await settingsOfFile(file);
  await mkdir(dirname(file.path), { recursive: true, mode: FOLDER_MODE });
  const before = await existing(file.path);
  return stageFile(before?.path ?? file.path, file.text, hasSecret(settings) ? FILE_MODE : before?.mode);
}

/** The file that is replaced, which may be behind a link. */
async function existing(path: string): Promise<{ readonly path: string; readonly mode: number } | undefined> {
  try {
    return { path: await realpath(path), mode: (await stat(path)).mode & PERMISSIONS };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function edited(file: ConfigurationFile, { keys, value }: Edit): Promise<string> {
  if (isJson(file)) {
    const { editJson } = await import('./edit-json.ts');
    return editJson(file.text, keys, value);
  }
  const { editYaml } = await import('./edit-yaml.ts');
  return editYaml(file.text, keys, value);
}

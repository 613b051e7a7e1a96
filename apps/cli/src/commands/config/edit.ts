import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { FILE_MODE } from '@shoal/files/durable-write';
import { homeFiles, prepareHome } from '@shoal/host/home';
import { writeConfiguration } from '@shoal/host/settings/edit';
import { findConfiguration } from '@shoal/host/settings/file';
import { ShoalError } from '@shoal/protocol/error';
import { EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { print } from '../../terminal/output.ts';
import { reportRunning } from './set.ts';

const EDITOR = 'vi';

/**
 * `shoal config edit`: opens a copy in the editor and replaces the configuration if the copy is valid. A copy with an error
 * stays, and the error names it.
 */
export async function editFile(context: Context): Promise<number> {
  const { home } = context;
  prepareHome(home);
  const [first = ''] = homeFiles(home).configurations;
  const { path, text } = (await findConfiguration(home)) ?? { path: first, text: '{\n}\n' };
  const copy = `${path.slice(0, -extname(path).length)}.draft${extname(path)}`;
  await writeFile(copy, text, { mode: FILE_MODE });
  await runEditor(copy);
  const edited = await readFile(copy, 'utf8');
  if (edited !== text) await keep(path, copy, edited);
  await rm(copy, { force: true });
  print(context, { path, changed: edited !== text }, [edited === text ? 'Nothing was changed.' : `Saved ${path}`]);
  if (edited !== text) await reportRunning(home);
  return EXIT.ok;
}

async function keep(path: string, copy: string, text: string): Promise<void> {
  try {
    await writeConfiguration({ path, text });
  } catch (error) {
    if (!(error instanceof ShoalError)) throw error;
    const where = error.message.replace(path, copy);
    throw new ShoalError(error.code, `Nothing was changed. Your text stays there: ${where}`, { cause: error });
  }
}

/** The variables are commands with arguments, as for git. */
async function runEditor(path: string): Promise<void> {
  const { VISUAL, EDITOR: usual } = process.env;
  const editor = VISUAL || usual || EDITOR;
  const child =
    process.platform === 'win32'
      ? spawn(`${editor} "${path}"`, { shell: true, stdio: 'inherit' })
      : spawn('/bin/sh', ['-c', `${editor} "$1"`, 'sh', path], { stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw ShoalError.invalidRequest(`The editor (${editor}) failed. Set EDITOR to another one.`);
}

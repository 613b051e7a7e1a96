import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isObject } from '@shoal/protocol/json';
import { ShoalError } from '@shoal/protocol/error';
import { type PackageFacts, packPackage } from './npm.ts';
import { runProgram } from './run-program.ts';

const ALGORITHM = 'sha512';

/**
 * Downloads a package and unpacks it into `folder`, which must not exist. Throws `GENERATION_FAILED` if its archive differs
 * from what the registry describes; nothing is unpacked then.
 */
export async function downloadPackage(facts: PackageFacts, folder: string, signal: AbortSignal): Promise<void> {
  await mkdir(folder, { recursive: true });
  const archive = await packPackage(facts.specifier, folder, signal);
  await checkIntegrity(archive, facts);
  await runProgram('tar', ['-xzf', archive, '-C', folder, '--strip-components=1'], { signal });
  await checkName(folder, facts);
  await rm(archive);
}

async function checkIntegrity(archive: string, { specifier, integrity }: PackageFacts): Promise<void> {
  const hash = createHash(ALGORITHM);
  for await (const piece of createReadStream(archive)) hash.update(piece);
  const digest = `${ALGORITHM}-${hash.digest('base64')}`;
  if (integrity.split(/\s+/).includes(digest)) return;
  throw ShoalError.generationFailed(`The download of ${specifier} is not what the registry describes. Try again.`);
}

async function checkName(folder: string, { specifier }: PackageFacts): Promise<void> {
  const value: unknown = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  if (isObject(value) && `${String(value['name'])}@${String(value['version'])}` === specifier) return;
  throw ShoalError.generationFailed(
    `The download of ${specifier} contains another package. Check the registry that npm uses.`,
  );
}

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Writes a fake npm whose registry has one package with these files. Returns its path for `npm_execpath`. */
export function writeFakeNpm(folder: string, specifier: string, files: Readonly<Record<string, string>>): string {
  const content = join(folder, 'package');
  const at = specifier.lastIndexOf('@');
  const description = JSON.stringify({ name: specifier.slice(0, at), version: specifier.slice(at + 1) });
  for (const [path, text] of Object.entries({ ...files, 'package.json': description })) {
    mkdirSync(dirname(join(content, path)), { recursive: true });
    writeFileSync(join(content, path), text);
  }
  const archive = join(folder, 'archive.tgz');
  execFileSync('tar', ['-czf', archive, '-C', folder, 'package']);
  const integrity = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
  const program = join(folder, 'npm-cli.js');
  writeFileSync(
    program,
    `const [command, specifier, , destination] = process.argv.slice(2);
if (specifier !== ${JSON.stringify(specifier)}) throw new Error('There is no ' + specifier);
if (command === 'view') console.log(JSON.stringify(${JSON.stringify({ integrity })}));
else {
  require('node:fs').copyFileSync(${JSON.stringify(archive)}, destination + '/archive.tgz');
  console.log('archive.tgz');
}
`,
  );
  return program;
}

#!/usr/bin/env node
// Runs after `npm ci` in a checkout, with whatever Node there is: removes what npm brings and this machine cannot use, some
// 90 MB. Everything works without it too (`--ignore-scripts`).
import { readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const modules = join(dirname(fileURLToPath(import.meta.url)), '../node_modules');

/** The names in a folder of node_modules; none where it is not there. */
function entries(folder) {
  try {
    return readdirSync(join(modules, folder));
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
}

// The headers for compiling add-ons against Node; nothing here is compiled.
const headers = entries('.')
  .filter((name) => /^node-(bin-)?(linux|darwin|win)-/.test(name))
  .map((name) => join(name, 'include'));

// llama.cpp for other processors: its Linux packages are installed on x64 whatever they are for.
const foreign = entries('@node-llama-cpp')
  .filter((name) => name.startsWith('linux-') && !name.startsWith(`linux-${process.arch}`))
  .map((name) => join('@node-llama-cpp', name));

for (const folder of [...headers, ...foreign]) rmSync(join(modules, folder), { recursive: true, force: true });

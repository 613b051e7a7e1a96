import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isObject, type JsonObject } from '@shoal/protocol/json';

const SYSTEM = { darwin: 'mac', win32: 'win' }[String(process.platform)] ?? process.platform;
const VARIANT = SYSTEM === 'mac' && process.arch === 'arm64' ? '-metal' : '';

/** Loads llama.cpp's addon, which `@shoal/engine-llama` installs. It contains llama.cpp's Jinja engine and grammar parser. */
export function loadAddon(): JsonObject {
  const entry = fileURLToPath(import.meta.resolve(`@node-llama-cpp/${SYSTEM}-${process.arch}${VARIANT}`));
  const bins = join(dirname(entry), '../bins');
  const [only = ''] = readdirSync(bins);
  const module: { exports: unknown } = { exports: {} };
  process.dlopen(module, join(bins, only, 'llama-addon.node'));
  if (!isObject(module.exports)) throw new Error('The addon does not export an object.');
  return module.exports;
}

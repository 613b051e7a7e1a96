import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { isObject } from '@shoal/protocol/json';
import { checkKnown } from './package-hashes.ts';

const factsOf = (specifier: string, integrity: string) => ({
  specifier,
  integrity,
  downloadBytes: undefined,
  unpackedBytes: undefined,
});

/** The version of llama.cpp's packages that is installed. */
function installedVersion(): string {
  const manifest: unknown = JSON.parse(
    readFileSync(new URL('../../../../packages/engine-llama/package.json', import.meta.url), 'utf8'),
  );
  const optional = isObject(manifest) && isObject(manifest.optionalDependencies) ? manifest.optionalDependencies : {};
  return String(optional['@node-llama-cpp/linux-x64']);
}

test('the GPU packages of the installed version have a hash, and another archive is refused', () => {
  for (const name of ['linux-x64-cuda', 'linux-x64-cuda-ext', 'linux-x64-vulkan']) {
    const specifier = `@node-llama-cpp/${name}@${installedVersion()}`;
    assert.throws(() => checkKnown(factsOf(specifier, 'sha512-AAAA')), {
      code: 'GENERATION_FAILED',
      message: /describes another/,
    });
  }
});

test('a package without a hash is refused', () => {
  for (const specifier of [
    '@node-llama-cpp/linux-x64-cuda@0.0.1',
    '@node-llama-cpp/win-x64-cuda@3.22.1',
    '__proto__',
  ]) {
    assert.throws(() => checkKnown(factsOf(specifier, 'sha512-AAAA')), {
      code: 'INVALID_REQUEST',
      message: /no hash of/,
    });
  }
});

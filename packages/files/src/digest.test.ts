import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { digestFile, digestModel, digestOfText, modelDigest } from './digest.ts';
import { temporaryFolder } from './testing/temporary-folder.ts';

const DIGEST_OF_ABC = 'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';

test('the digest of a file is the SHA-256 of its content', async (t) => {
  const [path] = files(t, 'abc');
  assert.equal(await digestFile(path), DIGEST_OF_ABC);
  assert.equal(digestOfText('abc'), DIGEST_OF_ABC);
});

test('a model of one file has the digest of the file', async (t) => {
  assert.equal(await digestModel(files(t, 'abc')), DIGEST_OF_ABC);
});

test('a model in parts has the digest of the list of its parts’ digests', async (t) => {
  const paths = files(t, 'abc', 'def');
  const parts = [DIGEST_OF_ABC, digestOfText('def')] as const;
  const expected = digestOfText(`${parts[0]}\n${parts[1]}\n`);
  assert.equal(await digestModel(paths), expected);
  assert.equal(modelDigest(parts), expected);
  assert.notEqual(modelDigest([parts[1], parts[0]]), expected);
});

function files(t: TestContext, first: string, ...rest: readonly string[]): [string, ...string[]] {
  const folder = temporaryFolder(t);
  const write = (text: string, index: number): string => {
    const path = join(folder, `${index}.gguf`);
    writeFileSync(path, text);
    return path;
  };
  return [write(first, 0), ...rest.map((text, index) => write(text, index + 1))];
}

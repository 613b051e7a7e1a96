import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { sha256 } from '../testing/hub.ts';
import { temporaryFolder } from '@shoal/files/testing/temporary-folder';
import { findExternalModels } from './find.ts';

const MODEL = 'GGUF and so on';
const HEX = sha256(MODEL);

test('models of other programs are found in place, and paths that cannot be read are reported', async (t) => {
  const home = temporaryFolder(t);
  const writeHomeFile = (path: string, content: string): string => {
    const file = join(home, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    return file;
  };
  const manifest = JSON.stringify({
    layers: [{ mediaType: 'application/vnd.ollama.image.model', digest: `sha256:${HEX}`, size: MODEL.length }],
  });
  const blob = writeHomeFile(`.ollama/models/blobs/sha256-${HEX}`, MODEL);
  for (const path of [
    'registry.ollama.ai/library/llama3.2/1b',
    'registry.ollama.ai/me/mine/latest',
    'hf.co/o/r/Q4_0',
  ]) {
    writeHomeFile(`.ollama/models/manifests/${path}`, manifest);
  }
  const escaping = writeHomeFile(
    '.ollama/models/manifests/registry.ollama.ai/library/evil/latest',
    manifest.replaceAll(HEX, '../../../../etc/passwd'),
  );
  const broken = writeHomeFile('.ollama/models/manifests/registry.ollama.ai/library/broken/latest', '{');

  const studio = writeHomeFile('.lmstudio/models/publisher/Repo-GGUF/model.Q4_K_M.gguf', MODEL);
  writeHomeFile('.lmstudio/models/publisher/Repo-GGUF/mmproj-model-f16.gguf', MODEL);

  const cached = writeHomeFile(`.cache/huggingface/hub/models--owner--Repo/blobs/${HEX}`, MODEL);
  const snapshot = join(home, '.cache/huggingface/hub/models--owner--Repo/snapshots/abc/model.Q8_0.gguf');
  mkdirSync(dirname(snapshot), { recursive: true });
  symlinkSync(cached, snapshot);

  const parts = [1, 2].map((part) => writeHomeFile(`mine/split-0000${part}-of-00002.gguf`, MODEL));
  writeHomeFile('mine/notes.txt', 'not a model');
  const incomplete = join(home, 'mine/half-00002-of-00002.gguf');
  writeHomeFile('mine/half-00001-of-00002.gguf', MODEL);
  symlinkSync('.', join(home, 'mine/loop'));

  const { models, skipped } = await findExternalModels({
    environment: {},
    home,
    folders: [join(home, 'mine'), join(home, 'none')],
  });
  const bytes = MODEL.length;
  const claimedDigest = `sha256:${HEX}`;
  const ollama = { owner: 'ollama', path: blob, paths: [blob], bytes, claimedDigest };
  assert.deepEqual(models, [
    { name: 'hf.co/o/r:Q4_0', ...ollama },
    { name: 'llama3.2:1b', ...ollama },
    { name: 'me/mine:latest', ...ollama },
    { name: 'publisher/model.Q4_K_M', owner: 'lm-studio', path: studio, paths: [studio], bytes },
    {
      name: 'hf.co/owner/Repo:model.Q8_0',
      owner: 'hugging-face',
      path: snapshot,
      paths: [snapshot],
      bytes,
      claimedDigest,
    },
    { name: 'split', owner: 'folder', path: parts[0], paths: parts, bytes: 2 * bytes },
  ]);
  assert.deepEqual(skipped.map(({ path }) => path).toSorted(), [broken, escaping, incomplete].toSorted());
});

test('environment variables replace the default folders', async (t) => {
  const home = temporaryFolder(t);
  mkdirSync(join(home, 'cache/models--o--r/snapshots/1'), { recursive: true });
  writeFileSync(join(home, 'cache/models--o--r/snapshots/1/m.gguf'), MODEL);
  const { models } = await findExternalModels({ environment: { HF_HUB_CACHE: join(home, 'cache') }, home });
  assert.deepEqual(
    models.map(({ name }) => name),
    ['hf.co/o/r:m'],
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { childEnvironment } from './environment.ts';

test('a child process gets the listed variables and no others', () => {
  const listed = { PATH: '/bin', LC_ALL: 'C', CUDA_VISIBLE_DEVICES: '0', GGML_VK_VISIBLE_DEVICES: '1' };
  const secrets = { SHOAL_PEER_TOKEN: 'a', OPENAI_API_KEY: 'b', HF_TOKEN: 'c', NVIDIA_API_KEY: 'd', NODE_OPTIONS: 'e' };
  assert.deepEqual(childEnvironment('llama', { ...listed, ...secrets }), listed);
});

test('llama-server gets no settings of other llama-servers', () => {
  const environment = { LLAMA_ARG_HF_REPO: 'a/b', LLAMA_TRACE: '1', HOME: '/home/a' };
  assert.deepEqual(childEnvironment('llama-server', environment), { HOME: '/home/a' });
  assert.deepEqual(childEnvironment('llama', environment), environment);
});

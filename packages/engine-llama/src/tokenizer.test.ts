import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createRequest, receive } from '@shoal/engine/contracts/answers';
import { createLlama } from './index.ts';
import { createTokenizer } from './tokenizer.ts';

const MODEL_PATH = fileURLToPath(new URL('../../../models/demo/shoal-demo.gguf', import.meta.url));

test('the ids of a prompt give the same answer as its text', async () => {
  const tokenizer = await createTokenizer(MODEL_PATH);
  const engine = createLlama({ modelPath: MODEL_PATH, threads: 1, gpuLayers: 0, slots: 1 });
  try {
    const sampling = { temperature: 0 };
    const byText = await receive(engine, createRequest('Count to 20.', { sampling }));
    const ids = tokenizer.prompt('Count to 20.');
    const byIds = await receive(engine, createRequest('', { input: { type: 'tokens', tokens: ids }, sampling }));
    assert.equal(byIds.text, byText.text);
    assert.equal(tokenizer.text([...byIds.tokens, 99_999]), byIds.text);
  } finally {
    await engine.close();
    await tokenizer.close();
  }
});

test('a file that is not a model is refused', async () => {
  await assert.rejects(createTokenizer(fileURLToPath(import.meta.url)), { message: /not a GGUF/ });
});

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

export const DEMO_MODEL_PATH = fileURLToPath(new URL('../../../../models/demo/shoal-demo.gguf', import.meta.url));

/** Returns the demo model with another chat template, which is filled with a comment to the length of its own. */
export async function modelWithTemplate(template: string): Promise<Buffer> {
  const model = await readFile(DEMO_MODEL_PATH);
  const key = Buffer.from('tokenizer.chat_template');
  // A string's type and length come before its bytes.
  const lengthAt = model.indexOf(key) + key.length + 4;
  const length = Number(model.readBigUInt64LE(lengthAt));
  const filled = `${template}{#${' '.repeat(length - template.length - 4)}#}`;
  assert.equal(model.write(filled, lengthAt + 8), length);
  return model;
}

import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { InferenceRequest } from '@shoal/protocol/request';
import { createRequest, receive, usageOf } from '../contracts/answers.ts';
import type { Engine } from '../engine.ts';
import { LLAMA_SERVER, NO_LLAMA_SERVER } from '../testing/llama-server-binary.ts';
import { createLlamaServer } from './index.ts';

const MODEL_PATH = fileURLToPath(new URL('../../../../models/demo/shoal-demo.gguf', import.meta.url));
const LONG = 'Count to 100.';
/** The assistant's turn is the start marker, so that the model reasons as it would have answered. It is a control token. */
const TEMPLATE = `{%- for m in messages -%}{{- '<|' + m.role + '|>' -}}
{%- if m.reasoning_content -%}{{- m.reasoning_content + '</think>' -}}{%- endif -%}
{{- m.content + '<|end|>' -}}{%- endfor -%}{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}`;

suite('a model of llama-server whose template begins its reasoning', { skip: NO_LLAMA_SERVER }, () => {
  let folder: string;
  let engine: Engine;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'shoal-reasoning-'));
    const [template, binary] = [join(folder, 'template.jinja'), join(folder, 'llama-server')];
    await writeFile(template, TEMPLATE);
    await writeFile(binary, `#!/bin/sh\nexec "${LLAMA_SERVER}" "$@" --chat-template-file "${template}"\n`);
    await chmod(binary, 0o700);
    engine = createLlamaServer({ modelPath: MODEL_PATH, binary, threads: 1, gpuLayers: 0, slots: 1 });
  });
  after(async () => {
    await engine.close();
    await rm(folder, { recursive: true });
  });
  const ask = (changes: Partial<InferenceRequest> = {}) => receive(engine, createRequest(LONG, changes));

  test('has the ability', async () => {
    assert.ok((await engine.models())[0]?.abilities?.includes('reasoning'));
  });

  test('sends its reasoning as text by default, and apart from the text if that is requested', async () => {
    const plain = await ask();
    const apart = await ask({ reasoning: true });
    assert.deepEqual([plain.reasoning, apart.text], ['', '']);
    assert.deepEqual([apart.reasoning, apart.tokens], [plain.text.trimStart(), plain.tokens]);
    assert.equal(usageOf(apart).completionTokens, apart.tokens.length);
  });

  test('drops its reasoning if it is not wanted, and sends its ids', async () => {
    const apart = await ask({ reasoning: true });
    const dropped = await ask({ reasoning: false });
    assert.deepEqual([dropped.text, dropped.reasoning, dropped.tokens], ['', '', apart.tokens]);
  });

  test('continues inside its reasoning with the same bytes', async () => {
    const whole = await ask({ reasoning: true });
    const rest = await ask({ reasoning: true, resume: { text: '', tokens: whole.tokens.slice(0, 25) } });
    assert.deepEqual(rest.tokens, whole.tokens.slice(25));
    assert.ok(rest.reasoning !== '' && whole.reasoning.endsWith(rest.reasoning));
  });

  test('reasons before an answer in a format only if that is requested', async () => {
    const format = { type: 'json_schema', schema: { const: 4 } } as const;
    const sampling = { maxTokens: 40 };
    const { text } = await ask({ format, reasoning: false, sampling });
    assert.equal(text, '4');
    const apart = await ask({ format, reasoning: true, sampling });
    assert.deepEqual([apart.text, apart.reasoning === ''], ['', false]);
  });
});

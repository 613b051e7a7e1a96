import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createRequest, receive, reasonOf } from '@shoal/engine/contracts/answers';
import { createLlama } from '../llama.ts';
import { modelWithTemplate } from '../testing/model-with-template.ts';

/** The demo model's template, but a message `crash` ends the process that renders it. */
const HOSTILE = `{%- macro f(n) -%}{{- f(n) -}}{%- endmacro -%}{%- for m in messages -%}{%- if m.content == 'crash' -%}{{- f(0) -}}{%- endif -%}{{- '<|' + m.role + '|>' + m.content + '<|end|>' -}}{%- endfor -%}{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}`;
const LONG = 'Count to 30.';

test('a chat template that ends its process fails its own request, and running answers go on', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-template-'));
  const modelPath = join(directory, 'hostile.gguf');
  await writeFile(modelPath, await modelWithTemplate(HOSTILE));
  const lines: string[] = [];
  const log = (_level: string, text: string) => lines.push(text);
  const engine = createLlama({ modelPath, threads: 1, gpuLayers: 0, slots: 2, log });
  try {
    const before = await receive(engine, createRequest(LONG));
    const neighbour = receive(engine, createRequest(LONG));
    const { end } = await receive(engine, createRequest('crash'));
    assert.ok(end.type === 'error' && end.error.code === 'INVALID_REQUEST', JSON.stringify(end));
    assert.match(end.error.message, /chat template crashes/);
    assert.equal(reasonOf(await receive(engine, createRequest('What is 2+2?'))), 'stop');
    assert.deepEqual((await neighbour).tokens, before.tokens);
    assert.equal(lines.filter((line) => line.includes('is loaded in process')).length, 1);
  } finally {
    await engine.close();
    await rm(directory, { recursive: true });
  }
});

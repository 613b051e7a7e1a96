import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { InferenceRequest } from '@shoal/protocol/request';
import { createRequest, receive, reasonOf, usageOf } from '@shoal/engine/contracts/answers';
import type { Engine } from '@shoal/engine';
import { createLlama } from './index.ts';
import { installedBinaries } from './native/binaries.ts';
import { openLibrary } from './native/library.ts';
import { NativeModel } from './native/model.ts';
import { DEMO_MODEL_PATH as MODEL_PATH, modelWithTemplate } from './testing/model-with-template.ts';

const TURN = "{{- '<|' + m.role + '|>' -}}";
const END = "{{- m.content + '<|end|>' -}}{%- endfor -%}";
/** The template ends with the start marker, unless the model is told not to reason. */
const SWITCHED = `{%- for m in messages -%}${TURN}${END}{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- if enable_thinking -%}{{- '<think>' -}}{%- endif -%}{%- endif -%}`;
/** The turn itself is the start marker, so that the model reasons as it would have answered. */
const UNSWITCHED = `{%- for m in messages -%}${TURN}{%- if m.reasoning_content -%}{{- m.reasoning_content + '</think>' -}}{%- endif -%}${END}{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}`;
/** More tokens than run ahead of the reader. */
const LONG = 'Count to 100.';
/** The end of reasoning, and a question in the answer, so that the model continues with text. */
const ANSWERING = `</think>Again:<|end|><|user|>${LONG}<|end|><|assistant|>`;

suite('a model whose template begins its reasoning', () => {
  let directory: string;
  let engine: Engine;
  let switched: Engine;
  const create = (file = 'unswitched.gguf') =>
    createLlama({ modelPath: join(directory, file), threads: 1, gpuLayers: 0, slots: 1 });
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'shoal-llama-'));
    await writeFile(join(directory, 'switched.gguf'), await modelWithTemplate(SWITCHED));
    await writeFile(join(directory, 'unswitched.gguf'), await modelWithTemplate(UNSWITCHED));
    engine = create();
    switched = create('switched.gguf');
  });
  after(async () => {
    await engine.close();
    await switched.close();
    await rm(directory, { recursive: true });
  });
  const ask = (prompt: string, changes: Partial<InferenceRequest> = {}) =>
    receive(engine, createRequest(prompt, changes));

  test('has the ability', async () => {
    const [model] = await engine.models();
    assert.ok(model?.abilities?.includes('reasoning'));
  });

  test('sends its reasoning as text by default', async () => {
    const { text, reasoning } = await ask(LONG);
    assert.deepEqual([text === '', reasoning], [false, '']);
  });

  test('sends all of its reasoning apart from the text, and counts its tokens', async () => {
    const plain = await ask(LONG);
    const apart = await ask(LONG, { reasoning: true });
    assert.deepEqual([apart.text, apart.reasoning, apart.tokens], ['', plain.text.trimStart(), plain.tokens]);
    assert.ok(apart.tokens.length > 64);
    assert.equal(usageOf(apart).completionTokens, apart.tokens.length);
  });

  test('does not reason if it is told not to', async () => {
    const { text, reasoning } = await receive(switched, createRequest('What is 2+2?', { reasoning: false }));
    assert.deepEqual([text, reasoning], ['4', '']);
  });

  test('ends its text, and not its reasoning, before a stop string', async () => {
    const { reasoning } = await ask(LONG, { reasoning: true });
    const stop = [reasoning.slice(10, 14)];
    assert.equal((await ask(LONG, { reasoning: true, stop })).reasoning, reasoning);
    const resume = { text: '', tokens: tokensOf(ANSWERING) };
    const { text } = await ask(LONG, { reasoning: true, resume });
    assert.notEqual(text, '');
    const half = text.slice(0, Math.ceil(text.length / 2));
    const stopped = await ask(LONG, { reasoning: true, resume, stop: [text.slice(half.length)] });
    assert.deepEqual([stopped.text, reasonOf(stopped)], [half, 'stop']);
  });

  test('continues inside its reasoning with the same bytes in another process', async () => {
    const whole = await ask(LONG, { reasoning: true });
    const other = create();
    try {
      for (const known of [1, 25, 60]) {
        const resume = { text: '', tokens: whole.tokens.slice(0, known) };
        const rest = await receive(other, createRequest(LONG, { reasoning: true, resume }));
        assert.deepEqual(rest.tokens, whole.tokens.slice(known));
        assert.ok(rest.reasoning !== '' && whole.reasoning.endsWith(rest.reasoning));
      }
    } finally {
      await other.close();
    }
  });

  test('drops reasoning that comes anyway, and sends its ids', async () => {
    const reasoned = await ask(LONG, { reasoning: true });
    const dropped = await ask(LONG, { reasoning: false });
    assert.notEqual(reasoned.reasoning, '');
    assert.deepEqual([dropped.text, dropped.reasoning, dropped.tokens], ['', '', reasoned.tokens]);
    const resume = { text: '', tokens: [...dropped.tokens.slice(0, 9), ...tokensOf(ANSWERING)] };
    const rest = await ask(LONG, { reasoning: false, resume });
    assert.notEqual(rest.text, '');
  });
});

/** Returns the model's token ids of a text. */
function tokensOf(text: string): readonly number[] {
  const library = openLibrary(installedBinaries(), { isQuiet: true });
  const model = NativeModel.load(library, { path: MODEL_PATH, gpuLayers: 0, vocabularyOnly: true });
  assert.ok(model);
  try {
    return model.vocabulary.tokenize(text, { special: false, control: true });
  } finally {
    model.free();
  }
}

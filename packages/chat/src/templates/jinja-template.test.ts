import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ShoalError } from '@shoal/protocol/error';
import { JinjaTemplate } from './jinja-template.ts';
import { templateCompiler } from '../testing/compile-template.ts';
import { CONVERSATIONS } from '../testing/conversations.ts';
import { ADDS_BOS, DEMO_MODEL, findLlamaServer, serveTemplate } from '../testing/llama-server.ts';
import { readRecording, readTemplate, templateNames, templatePath } from '../testing/recorded-prompts.ts';

const compile = templateCompiler();
const recording = await readRecording();
const TOKENS = { bos: recording.bos, eos: recording.eos, addsBos: true, addsEos: false };

const render = (source: string, messages: Parameters<JinjaTemplate['render']>[0]) =>
  new JinjaTemplate(source, compile, TOKENS, () => new Date()).render(messages, []);

/** Returns the prompt of each conversation, or null if the template refuses it. */
function renderAll(source: string, now: () => Date): Record<string, string | null> {
  const template = new JinjaTemplate(source, compile, TOKENS, now);
  const prompts = Object.entries(CONVERSATIONS).map(([title, { messages, tools = [] }]) => {
    try {
      return [title, template.render(messages, tools)];
    } catch (error) {
      assert.ok(isInvalidRequest(error));
      return [title, null];
    }
  });
  return Object.fromEntries(prompts);
}

suite('prompts recorded from llama-server', () => {
  for (const [name, prompts] of Object.entries(recording.prompts)) {
    test(`${name} renders the same bytes`, async () => {
      assert.deepEqual(
        renderAll(await readTemplate(name), () => new Date(recording.date)),
        prompts,
      );
    });
  }
});

const binary = await findLlamaServer();
if (binary === undefined) {
  test('prompts of a running llama-server', {
    skip: 'llama-server is not here: set SHOAL_LLAMA_SERVER to the path of one of llama.cpp v0.5.0',
  });
} else {
  suite('prompts of a running llama-server', async () => {
    for (const name of await templateNames()) {
      test(`${name} renders the same bytes`, async () => {
        await using server = await serveTemplate(binary, DEMO_MODEL, templatePath(name), ADDS_BOS);
        const prompts: Record<string, string | null> = {};
        for (const [title, conversation] of Object.entries(CONVERSATIONS)) {
          const answer = await server.apply(conversation);
          prompts[title] = 'prompt' in answer ? answer.prompt : null;
        }
        assert.deepEqual(
          renderAll(await readTemplate(name), () => new Date()),
          prompts,
        );
      });
    }
  });
}

suite('a chat template', () => {
  test('that raises an error refuses the request with its message', () => {
    const source =
      "{{ messages[0].content }}{% if messages[0].content == 'no' %}{{ raise_exception('Never no!') }}{% endif %}";
    assert.equal(render(source, [{ role: 'user', content: 'yes' }]), 'yes');
    assert.throws(() => render(source, [{ role: 'user', content: 'no' }]), {
      code: 'INVALID_REQUEST',
      message: "The model's chat template refuses these messages: Never no!",
    });
  });

  test('that is broken is refused when it is compiled', () => {
    assert.throws(() => render('{% if %}', []), { code: 'INVALID_REQUEST', message: /chat template is broken/ });
  });

  test('continues one begun answer, but not two', () => {
    const source =
      '{% for m in messages %}<{{ m.role }}>{{ m.content }}</>{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}';
    const begun = { role: 'assistant', content: 'I ' } as const;
    assert.equal(render(source, [{ role: 'user', content: 'Hi' }, begun]), '<user>Hi</><assistant>I ');
    assert.throws(() => render(source, [begun, begun]), { code: 'INVALID_REQUEST', message: /Only one message/ });
    const called = { ...begun, toolCalls: [{ id: 'a', name: 'b', arguments: '{}' }] };
    assert.throws(() => render(source, [called]), { code: 'INVALID_REQUEST', message: /their answers are to follow/ });
  });

  test('that needs arguments as objects refuses invalid JSON', async () => {
    const template = new JinjaTemplate(
      await readTemplate('Qwen-Qwen2.5-7B-Instruct'),
      compile,
      TOKENS,
      () => new Date(),
    );
    const call = { role: 'assistant', content: '', toolCalls: [{ id: 'a', name: 'b', arguments: '{' }] } as const;
    assert.throws(() => template.render([call, { role: 'tool', content: '' }], []), {
      code: 'INVALID_REQUEST',
      message: /The arguments of the tool call "a" are no JSON/,
    });
  });
});

function isInvalidRequest(error: unknown): boolean {
  return error instanceof ShoalError && error.code === 'INVALID_REQUEST';
}

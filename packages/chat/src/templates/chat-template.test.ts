import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type Chat, type ChatTemplate, createChatTemplate } from './chat-template.ts';
import { callParser, type ExpectedCalls } from '../tools/call-parser.ts';
import { templateCompiler } from '../testing/compile-template.ts';
import { CONVERSATIONS } from '../testing/conversations.ts';
import { readTemplate } from '../testing/recorded-prompts.ts';

const compile = templateCompiler();
const NAMES = { hermes: 'Qwen-Qwen3-0.6B', generic: 'microsoft-Phi-3.5-mini-instruct', begun: 'Qwen-QwQ-32B' };
const { messages, tools = [] } = CONVERSATIONS['tools'] ?? { messages: [] };
const CALLED: Chat = CONVERSATIONS['a call and its answer'] ?? { messages };
const CALLS: readonly string[] = ['get_weather', 'get_time'];

async function read(name: string): Promise<ChatTemplate> {
  const tokens = { bos: '<s>', eos: '</s>', addsBos: true, addsEos: false };
  return createChatTemplate(await readTemplate(name), compile, tokens);
}

suite('the tools of a chat', async () => {
  const hermes = await read(NAMES.hermes);
  const generic = await read(NAMES.generic);

  test('are described by the template, and the answer is unrestricted', () => {
    const { prompt, grammar, calls } = hermes.render({ messages, tools });
    assert.match(prompt, /get_weather/);
    assert.equal(grammar, undefined);
    assert.equal(calls?.format, 'hermes');
  });

  test('are not described if the tool choice is none', () => {
    const { prompt, grammar, calls } = hermes.render({ messages, tools, toolChoice: 'none' });
    assert.equal(prompt, hermes.render({ messages }).prompt);
    assert.equal(grammar ?? calls, undefined);
  });

  test('are enforced by a grammar if one is required', () => {
    const { grammar = '' } = hermes.render({ messages, tools, toolChoice: 'required' });
    assert.match(grammar, /^root ::= answer$/m);
    for (const name of CALLS) assert.ok(grammar.includes(name));
    assert.match(grammar, /^answer ::= "<tool_call>\\n" .*\( "\\n" /m, 'several calls');
  });

  test('are limited to one call without parallel calls', () => {
    const { grammar = '' } = hermes.render({ messages, tools, toolChoice: 'required', parallelToolCalls: false });
    assert.match(grammar, /^answer ::= (?!.*\( "\\n" )/m);
  });

  test('are limited to the named one', () => {
    const { grammar = '' } = hermes.render({ messages, tools, toolChoice: { name: 'get_time' } });
    assert.ok(grammar.includes('get_time'));
    assert.ok(!grammar.includes('get_weather'));
  });

  test('must include the required one', () => {
    const unknown = { messages, tools, toolChoice: { name: 'fly' } };
    assert.throws(() => hermes.render(unknown), { code: 'INVALID_REQUEST', message: /"fly" is to be used/ });
    assert.throws(() => hermes.render({ messages, toolChoice: 'required' }), { code: 'INVALID_REQUEST' });
  });

  test('are enforced after the reasoning that the template began', async () => {
    const { grammar = '', calls } = (await read(NAMES.begun)).render({ messages, tools, toolChoice: 'required' });
    assert.match(grammar, /^root ::= .*"<\/think>" \[ \\n\]\* answer$/m);
    assert.deepEqual(parserOf(calls).push({ text: 'Hm <tool_call>', tokens: [1] }), [
      { type: 'text', text: 'Hm <tool_call>', tokens: [1] },
    ]);
  });

  test('are described in a system message and enforced by a grammar if the template does not support tools', () => {
    const { prompt, grammar = '', calls } = generic.render({ messages, tools });
    assert.match(prompt, /^<\|system\|>\nYou can call any of the following tools/);
    assert.match(prompt, /"name": "get_weather"/);
    assert.match(grammar, /^answer ::= "\{\\"tool_calls\\": \[" .* \| "\{\\"response\\": " response "\}"$/m);
    assert.deepEqual(parserOf(calls).push({ text: '{"response": "Hi', tokens: [1] }), [
      { type: 'text', text: 'Hi', tokens: [1] },
    ]);
  });

  test('and their results are written as JSON text there', () => {
    const { prompt } = generic.render(CALLED);
    assert.match(prompt, /<\|assistant\|>\n\{"tool_calls": \[\{"name": "get_weather", "arguments": \{"city": "Zürich"/);
    assert.match(prompt, /<\|user\|>\n\{"tool_response":\{"tool_call_id":"call00001","content":/);
    const withoutTools = generic.render({ messages: CALLED.messages });
    assert.equal(withoutTools.calls, undefined);
    assert.doesNotMatch(withoutTools.prompt, /any of the following tools/);
  });

  test('are not parsed if the answer has a format', () => {
    const { grammar, calls } = hermes.render({ messages, tools, format: { type: 'json' } });
    assert.ok(grammar);
    assert.equal(calls, undefined);
  });
});

suite('reasoning', async () => {
  const [switched, begun, without] = [await read(NAMES.hermes), await read(NAMES.begun), await read(NAMES.generic)];

  test('is separated only if the chat asks for it and the template supports it', async () => {
    assert.equal(switched.render({ messages }).reasoning, undefined);
    assert.equal(without.reasoning, undefined);
    assert.equal(without.render({ messages, reasoning: true }).reasoning, undefined);
    const expected = { start: '<think>', end: '</think>', hasBegun: false };
    assert.deepEqual(switched.render({ messages, reasoning: true }).reasoning, expected);
    assert.deepEqual(begun.render({ messages, reasoning: true }).reasoning, { ...expected, hasBegun: true });
    const ministral = await read('mistralai-Ministral-3-14B-Reasoning-2512');
    assert.deepEqual(ministral.reasoning, { start: '[THINK]', end: '[/THINK]' });
  });

  test('is switched off in the prompt if the template has a switch', () => {
    const { prompt, reasoning } = switched.render({ messages, reasoning: false });
    assert.match(prompt, /<think>\n\n<\/think>\n\n$/);
    assert.equal(reasoning?.hasBegun, false);
    assert.equal(switched.render({ messages, reasoning: true }).prompt, switched.render({ messages }).prompt);
  });

  test('that is separated does not reach the parser of tool calls', () => {
    const { calls, reasoning, grammar } = begun.render({ messages, tools, toolChoice: 'required', reasoning: true });
    assert.ok(reasoning?.hasBegun);
    assert.match(grammar ?? '', /^root ::= .*"<\/think>" \[ \\n\]\* answer$/m);
    assert.deepEqual(parserOf(calls).push({ text: '<tool_call>', tokens: [1] }), []);
  });

  test('may come before an answer in a format only if it is separated', () => {
    const format = { type: 'json' } as const;
    const rest = String.raw`\( \[\^<\] \| "<" \[\^/\] \| "</" \[\^t\] \)\* "</think>" \[ \\n\]\*`;
    const grammarOf = (template: ChatTemplate, reasoning?: boolean) =>
      template.render({ messages, format, reasoning }).grammar ?? '';
    assert.match(grammarOf(switched, true), new RegExp(`^root ::= \\( "<think>" ${rest} \\)\\? object$`, 'm'));
    assert.match(grammarOf(begun, true), new RegExp(`^root ::= ${rest} object$`, 'm'));
    for (const reasoning of [false, undefined]) assert.equal(grammarOf(begun, reasoning), grammarOf(without));
  });
});

suite('the text that a template writes for a call', () => {
  const names = [
    'meta-llama-Llama-3.1-8B-Instruct',
    'meta-llama-Llama-3.2-3B-Instruct',
    'Qwen-Qwen2.5-7B-Instruct',
    'Qwen-Qwen3-0.6B',
    'NousResearch-Hermes-3-Llama-3.1-8B-tool_use',
    'ibm-granite-granite-4.0',
    'mistralai-Mistral-Nemo-Instruct-2407',
    'Mistral-Small-3.2-24B-Instruct-2506',
    'mistralai-Ministral-3-14B-Reasoning-2512',
    'llama-cpp-deepseek-r1',
    'CohereForAI-c4ai-command-r7b-12-2024-tool_use',
  ];
  for (const name of names) {
    test(`is parsed as that call: ${name}`, async () => {
      const template = await read(name);
      const before = template.render({ messages: CALLED.messages.slice(0, 1), tools }).prompt;
      const { prompt, calls } = template.render(CALLED);
      let start = 0;
      while (start < before.length && before.charAt(start) === prompt.charAt(start)) start++;
      const thought = prompt.trimEnd().endsWith('<think>') ? '</think>' : '';
      const pushed = parserOf(calls).push({ text: thought + prompt.slice(start), tokens: [] });
      const call = pushed.find((event) => event.type === 'tool_call');
      assert.equal(call?.name, 'get_weather');
      assert.deepEqual(JSON.parse(call.arguments), { city: 'Zürich', days: 2 });
    });
  }
});

function parserOf(calls: ExpectedCalls | undefined) {
  assert.ok(calls);
  return callParser(calls);
}

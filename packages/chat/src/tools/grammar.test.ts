import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { Tool } from '@shoal/protocol/request';
import { GrammarBuilder } from '../grammar/index.ts';
import { DEMO_MODEL, findLlamaServer, type RealTemplate, serveTemplate } from '../testing/llama-server.ts';
import { templatePath } from '../testing/recorded-prompts.ts';
import { TOOL_FORMATS } from './formats.ts';
import { callRules, type ToolFormat } from './tool-format.ts';
import { ToolParser } from './tool-parser.ts';

const TOOLS: readonly Tool[] = [
  {
    name: 'set_light',
    parameters: {
      type: 'object',
      properties: { level: { type: 'integer', minimum: 0, maximum: 9 }, room: { enum: ['"hall"', 'Küche\n'] } },
      required: ['level', 'room'],
    },
  },
  { name: 'get_time' },
];

const binary = await findLlamaServer();
if (binary === undefined) {
  test('answers restricted to a tool format by a grammar', {
    skip: 'llama-server is not here: set SHOAL_LLAMA_SERVER to the path of one of llama.cpp v0.5.0',
  });
} else {
  suite('answers restricted to a tool format by a grammar', () => {
    let server: RealTemplate;
    before(async () => {
      server = await serveTemplate(binary, DEMO_MODEL, templatePath('ChatML-OpenHermes-2.5'));
    });
    after(() => server[Symbol.asyncDispose]());

    for (const format of TOOL_FORMATS) {
      test(`are parsed as calls: ${format.name}`, async () => {
        const builder = new GrammarBuilder();
        builder.addRule('root', format.grammar(callRules(TOOLS, builder), false));
        for (const seed of [1, 2]) checkCall(format, await server.complete(builder.toString(), seed));
      });
    }
  });
}

function checkCall(format: ToolFormat, answer: string): void {
  const tools = TOOLS.map(({ name }) => name);
  const parser = new ToolParser(format, { tools, isParallel: true, isThinking: false });
  const [call, ...others] = [...parser.push({ text: answer, tokens: [] }), ...parser.end()];
  assert.equal(call?.type, 'tool_call', answer);
  assert.equal(others.length, 0, answer);
  assert.deepEqual(Object.keys(JSON.parse(call.arguments)), call.name === 'get_time' ? [] : ['level', 'room']);
  assert.equal(parser.hasCalled, true);
}

import { toolFormatContract } from '../testing/tool-format-contract.ts';
import { commandR7b } from './command-r7b.ts';
import { deepseek, deepseek31 } from './deepseek.ts';
import { generic } from './generic.ts';
import { hermes } from './hermes.ts';
import { llama3 } from './llama3.ts';
import { mistral, mistralArguments } from './mistral.ts';

type Calls = readonly (readonly [name: string, text: string])[];

const objects = (calls: Calls, name: string, parameters: string) =>
  calls.map(([called, text]) => `{"${name}": "${called}", "${parameters}": ${text}}`);

toolFormatContract(hermes, {
  write: (calls, before = '') =>
    before +
    objects(calls, 'name', 'arguments')
      .map((call) => `<tool_call>\n${call}\n</tool_call>`)
      .join('\n'),
  variants: [
    '<tool_call>{"arguments": {"city": "Bern"}, "name": "get_weather"}</tool_call>\n',
    '<tool_call>\n{"name": "get_weather", "arguments": "{\\"city\\": \\"Bern\\"}"}\n</tool_call>',
    '<tool_call>\n{"name": "get_weather", "id": 1, "arguments": {"city": "Bern"}}',
  ],
  cut: '<tool_call>\n{"name": "get_wea',
});

toolFormatContract(llama3, {
  write: (calls, before = '') => before + objects(calls, 'name', 'parameters').join('; '),
  variants: [
    '<|python_tag|>{"name": "get_weather", "parameters": {"city": "Bern"}}',
    '{"type": "function", "name": "get_weather", "parameters": {"city": "Bern"}}',
    '{"type": "function", "function": {"name": "get_weather", "parameters": {"city": "Bern"}}}',
  ],
  cut: '{"name": "get_wea',
});

toolFormatContract(mistral, {
  write: (calls, before = '') => `${before}[TOOL_CALLS][${objects(calls, 'name', 'arguments').join(', ')}]`,
  variants: [
    '[TOOL_CALLS] [{"name": "get_weather", "arguments": {"city": "Bern"}, "id": "abcdefghi"}]',
    '[TOOL_CALLS]{"name": "get_weather", "arguments": {"city": "Bern"}}',
  ],
  cut: '[TOOL_CALLS][{"name": "get_wea',
});

toolFormatContract(mistralArguments, {
  write: (calls, before = '') => before + calls.map(([name, text]) => `[TOOL_CALLS]${name}[ARGS]${text}`).join(''),
  variants: [
    '[TOOL_CALLS]get_weather[CALL_ID]abcdefghi[ARGS]{"city": "Bern"}',
    '[TOOL_CALLS]get_weather{"city": "Bern"}',
  ],
  cut: '[TOOL_CALLS]get_weather[AR',
});

toolFormatContract(deepseek, {
  write: (calls, before = '') =>
    `${before}<｜tool▁calls▁begin｜>${calls
      .map(
        ([name, text]) =>
          `<｜tool▁call▁begin｜>function<｜tool▁sep｜>${name}\n\`\`\`json\n${text}\n\`\`\`<｜tool▁call▁end｜>`,
      )
      .join('\n')}<｜tool▁calls▁end｜>`,
  cut: '<｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n',
});

toolFormatContract(deepseek31, {
  write: (calls, before = '') =>
    `${before}<｜tool▁calls▁begin｜>${calls
      .map(([name, text]) => `<｜tool▁call▁begin｜>${name}<｜tool▁sep｜>${text}<｜tool▁call▁end｜>`)
      .join('')}<｜tool▁calls▁end｜>`,
  cut: '<｜tool▁call▁begin｜>get_wea',
});

toolFormatContract(commandR7b, {
  write: (calls, before = '') =>
    `${before}<|START_ACTION|>[\n${calls
      .map(([name, text], index) => `    {"tool_call_id": "${index}", "tool_name": "${name}", "parameters": ${text}}`)
      .join(',\n')}\n]<|END_ACTION|>`,
  writeText: (text) => `<|START_RESPONSE|>${text}<|END_RESPONSE|>`,
  cut: '<|START_ACTION|>[\n    {"tool_call_id": "0", "tool_name": "get_wea',
});

toolFormatContract(generic, {
  write: (calls, before = '') => `${before}{"tool_calls": [${objects(calls, 'name', 'arguments').join(', ')}]}`,
  writeText: (text) => JSON.stringify({ response: text }).replaceAll('👩', '\\ud83d\\udc69'),
  variants: ['{ "tool_calls" : [ {"name": "get_weather", "arguments": {"city": "Bern"}} ] }\n'],
  cut: '{"tool_calls": [{"name": "get_wea',
});

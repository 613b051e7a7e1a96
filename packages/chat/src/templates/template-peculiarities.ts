import type { ReasoningMarkers } from './reasoning-markers.ts';

/** llama.cpp's special handling of one template (`common_chat_templates_init` and common/parsers of its sources). */
export interface Peculiarity {
  /** Texts that identify the template: its source contains all of them. */
  readonly contains: readonly string[];
  /** Texts that its source does not contain. */
  readonly lacks?: readonly string[] | undefined;
  /** Text before an answer that is continued, including an empty reasoning block. */
  readonly beforeAnswer: string;
  /** The markers around its reasoning, if a comparison of prompts does not find them. */
  readonly reasoning?: ReasoningMarkers | undefined;
  /** If a prompt ends with `end`, `start` is added to begin the answer's turn. */
  readonly turn?: { readonly end: string; readonly start: string };
  /** Roles whose content is passed as typed parts, although the template supports strings. */
  readonly typedRoles?: readonly string[] | undefined;
}

const PECULIARITIES: readonly Peculiarity[] = [
  {
    // Ministral 3, Devstral
    contains: ['[SYSTEM_PROMPT]', '[TOOL_CALLS]', '[ARGS]'],
    lacks: ['[CALL_ID]'],
    beforeAnswer: '[THINK][/THINK]',
    reasoning: { start: '[THINK]', end: '[/THINK]' },
    typedRoles: ['system', 'assistant'],
  },
  {
    // gpt-oss
    contains: ['<|channel|>'],
    reasoning: {
      start: '<|channel|>analysis<|message|>',
      end: '<|end|><|start|>assistant<|channel|>final<|message|>',
    },
    beforeAnswer:
      '<|start|>assistant<|channel|>analysis<|message|><|end|><|start|>assistant<|channel|>final<|message|>',
  },
  {
    // Kimi K2
    contains: ['<|tool_calls_section_begin|>', '<|tool_call_begin|>'],
    beforeAnswer: '<|im_assistant|>assistant<|im_middle|><think></think>',
  },
  {
    // Kimi K3
    contains: ['<|open|>', '<|close|>', '<|end_of_msg|>'],
    beforeAnswer:
      '<|open|>message role="assistant"<|sep|><|open|>think<|sep|><|close|>think<|sep|><|open|>response<|sep|>',
  },
  {
    // Command A, North
    contains: ['<|START_TEXT|>', '<|START_ACTION|>'],
    beforeAnswer: '<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|><|START_THINKING|><|END_THINKING|><|START_TEXT|>',
  },
  {
    // LFM 2
    contains: ['<|tool_list_start|>', '<|tool_list_end|>'],
    beforeAnswer: '<|im_start|>assistant\n<think></think>',
  },
  {
    // LFM 2.5
    contains: ['List of tools: ['],
    lacks: ['<|tool_list_start|>'],
    beforeAnswer: '<|im_start|>assistant\n<think></think>',
  },
  {
    // DeepSeek V4
    contains: ['dsml_token', 'DSML', 'tool_calls'],
    lacks: ['function_calls'],
    beforeAnswer: '<｜Assistant｜></think>',
  },
  {
    // Gemma 4
    contains: ["'<|tool_call>call:'"],
    beforeAnswer: '<|channel>thought\n<channel|>',
    reasoning: { start: '<|channel>thought', end: '<channel|>' },
    turn: { end: '<turn|>\n', start: '<|turn>model\n' },
  },
  {
    // Nemotron 3 Nano
    contains: ['<tool_call>', '<function=', '<parameter=', '<think>', 'truncate_history_thinking'],
    beforeAnswer: '<|im_start|>assistant\n<think>\n\n</think>\n\n',
  },
];

export function peculiarityOf(source: string): Peculiarity | undefined {
  return PECULIARITIES.find(
    ({ contains, lacks = [] }) =>
      contains.every((text) => source.includes(text)) && !lacks.some((text) => source.includes(text)),
  );
}

/** Removes checks from two templates that refuse valid messages, as llama.cpp does. */
export function patchedSource(source: string): string {
  return source
    .replaceAll(
      `{%- if "<|channel|>analysis<|message|>" in message.content or "<|channel|>final<|message|>" in message.content %}`,
      '{%- if false %}',
    )
    .replaceAll(
      `{%- if (message['content'] is none or message['content'] == '' or message['content']|length == 0) and (message['tool_calls'] is not defined or message['tool_calls'] is none or message['tool_calls']|length == 0) %}`,
      '{%- if false %}',
    );
}

import type { AnswerFormat, InferenceRequest, Message, Tool, ToolChoice } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import type { AnswerParser } from '../answer-parser.ts';
import { addSchema, GrammarBuilder, jsonGrammar, schemaGrammar } from '../grammar/index.ts';
import type { TemplateRenderer } from './template-renderer.ts';
import { JinjaTemplate, type Now, type TemplateTokens } from './jinja-template.ts';
import { toolFormatOf } from '../tools/formats.ts';
import { describeTools, generic, genericChoice } from '../tools/generic.ts';
import { callRules, type ToolFormat } from '../tools/tool-format.ts';
import { ToolParser } from '../tools/tool-parser.ts';

/** The messages to answer, with the options that affect the prompt. */
export interface Chat extends Pick<InferenceRequest, 'tools' | 'toolChoice' | 'parallelToolCalls'> {
  readonly messages: readonly Message[];
  /** Takes precedence over tools: the answer has this format and contains no calls. */
  readonly format?: AnswerFormat | undefined;
}

/** A prompt, with the grammar and the parser of its answer. */
interface RenderedChat {
  readonly prompt: string;
  /** GBNF that the answer must follow from its first token. */
  readonly grammar?: string | undefined;
  /** Finds tool calls in the answer. Undefined if all of it is text. */
  readonly parser?: AnswerParser | undefined;
}

export interface ChatTemplate {
  /** Throws `INVALID_REQUEST` with the template's message if the template refuses the chat. */
  render(chat: Chat): RenderedChat;
}

/**
 * Creates a model's chat template; `compile` is llama.cpp's Jinja engine. A template is a program without limits: both this
 * function and `render` may run forever or use all memory. Throws `INVALID_REQUEST` if the source is not a valid template.
 */
export function createChatTemplate(
  source: string,
  compile: (source: string) => TemplateRenderer,
  tokens: TemplateTokens,
  now: Now = () => new Date(),
): ChatTemplate {
  const template = new JinjaTemplate(source, compile, tokens, now);
  const toolFormat = toolFormatOf(template.source, template.capabilities);
  return {
    render(chat) {
      const tools = chat.toolChoice === 'none' ? [] : (chat.tools ?? []);
      checkToolChoice(chat.toolChoice, tools);
      if (chat.format !== undefined) {
        const isInTemplate = toolFormat !== generic;
        return {
          prompt: template.render(chat.messages, isInTemplate ? tools : []),
          grammar: formatGrammar(chat.format),
        };
      }
      const isGeneric =
        tools.length > 0 ? toolFormat === generic : !template.capabilities.toolCalls && callsTools(chat.messages);
      if (isGeneric) return renderGeneric(template, chat, tools);
      const prompt = template.render(chat.messages, tools);
      return tools.length === 0 ? { prompt } : { prompt, ...toolAnswer(toolFormat, chat, tools, prompt) };
    },
  };
}

function renderGeneric(template: JinjaTemplate, chat: Chat, tools: readonly Tool[]): RenderedChat {
  const prompt = template.render(describeTools(chat.messages, tools), []);
  return tools.length === 0 ? { prompt } : { prompt, ...toolAnswer(generic, chat, tools, prompt) };
}

/** The end of a prompt whose template begins the model's reasoning. */
const BEGUN_REASONING = /<think>\s*$/;
/** GBNF of the rest of the reasoning. */
const REASONING_RULE = String.raw`( [^<] | "<" [^/] | "</" [^t] )* "</think>" [ \n]*`;

/** Returns the answer's parser, and a grammar if a tool is required or the format needs one. */
function toolAnswer(
  format: ToolFormat,
  { toolChoice = 'auto', parallelToolCalls = true }: Chat,
  tools: readonly Tool[],
  prompt: string,
): Pick<RenderedChat, 'grammar' | 'parser'> {
  const isThinking = BEGUN_REASONING.test(prompt);
  const names = tools.map(({ name }) => name);
  const parser = new ToolParser(format, { tools: names, isParallel: parallelToolCalls, isThinking });
  if (toolChoice === 'auto' && format !== generic) return { parser };
  const builder = new GrammarBuilder();
  const allowed = typeof toolChoice === 'string' ? tools : tools.filter(({ name }) => name === toolChoice.name);
  const calls = format.grammar(callRules(allowed, builder), parallelToolCalls);
  const answer =
    toolChoice === 'auto' ? genericChoice(calls, addSchema(builder, 'response', { type: 'string' })) : calls;
  const rule = builder.addRule('answer', answer);
  builder.addRule('root', isThinking ? `${REASONING_RULE} ${rule}` : rule);
  return { grammar: builder.toString(), parser };
}

function formatGrammar(format: AnswerFormat): string {
  return format.type === 'json' ? jsonGrammar() : schemaGrammar(format.schema);
}

function callsTools(messages: readonly Message[]): boolean {
  return messages.some(
    (message) => message.role === 'tool' || (message.role === 'assistant' && message.toolCalls !== undefined),
  );
}

function checkToolChoice(choice: ToolChoice | undefined, tools: readonly Tool[]): void {
  if (choice === undefined || choice === 'auto' || choice === 'none') return;
  if (choice === 'required') {
    if (tools.length === 0) throw ShoalError.invalidRequest('A tool call is required, but no tools are offered.');
  } else if (!tools.some(({ name }) => name === choice.name)) {
    throw ShoalError.invalidRequest(`The tool "${choice.name}" is to be used, and is not offered.`);
  }
}

import type { AnswerFormat, InferenceRequest, Message, Tool, ToolChoice } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import type { AnswerReasoning } from '../answer-reasoning.ts';
import { addSchema, formatGrammar, GrammarBuilder, reasoningRule } from '../grammar/index.ts';
import type { ReasoningMarkers } from './reasoning-markers.ts';
import type { TemplateRenderer } from './template-renderer.ts';
import { JinjaTemplate, type Now, type TemplateTokens } from './jinja-template.ts';
import { toolFormatOf } from '../tools/formats.ts';
import { describeTools, generic, genericChoice } from '../tools/generic.ts';
import { callRules, type ToolFormat } from '../tools/tool-format.ts';
import type { ExpectedCalls } from '../tools/call-parser.ts';

/** The messages to answer, with the options that affect the prompt. */
export interface Chat extends Pick<InferenceRequest, 'tools' | 'toolChoice' | 'parallelToolCalls' | 'reasoning'> {
  readonly messages: readonly Message[];
  /** Takes precedence over tools: the answer has this format and contains no calls. */
  readonly format?: AnswerFormat | undefined;
}

/** A prompt, with the grammar and the tool calls of its answer: plain values, which can be sent to another process. */
export interface RenderedChat {
  readonly prompt: string;
  /** GBNF that the answer must follow from its first token. */
  readonly grammar?: string | undefined;
  /** The tool calls to find in the answer (`callParser`). Undefined if all of it is text. */
  readonly calls?: ExpectedCalls | undefined;
  /** The reasoning to separate from the answer before it is parsed. Undefined if there is none, or none was requested. */
  readonly reasoning?: AnswerReasoning | undefined;
}

export interface ChatTemplate {
  /** The markers around reasoning in an answer. Undefined if the template does not support reasoning. */
  readonly reasoning: ReasoningMarkers | undefined;
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
  const render = (chat: Chat, messages: readonly Message[], tools: readonly Tool[]) =>
    withReasoning(template, chat, template.render(messages, tools, chat.reasoning ?? true));
  return {
    reasoning: template.reasoning,
    render(chat) {
      const tools = chat.toolChoice === 'none' ? [] : (chat.tools ?? []);
      checkToolChoice(chat.toolChoice, tools);
      if (chat.format !== undefined) {
        const isInTemplate = toolFormat !== generic;
        const { prompt, reasoning: found } = render(chat, chat.messages, isInTemplate ? tools : []);
        // The grammar leaves no place for reasoning that is not wanted.
        const reasoning = chat.reasoning === true ? found : undefined;
        return { prompt, grammar: formatGrammar(chat.format, reasoning), reasoning };
      }
      const isGeneric =
        tools.length > 0 ? toolFormat === generic : !template.capabilities.toolCalls && callsTools(chat.messages);
      const prompted = isGeneric
        ? render(chat, describeTools(chat.messages, tools), [])
        : render(chat, chat.messages, tools);
      return tools.length === 0
        ? prompted
        : { ...prompted, ...toolAnswer(isGeneric ? generic : toolFormat, chat, tools, prompted) };
    },
  };
}

type Prompted = Pick<RenderedChat, 'prompt' | 'reasoning'>;

/** Adds the reasoning to separate from the answer, if the chat asks for that. */
function withReasoning({ reasoning: markers }: JinjaTemplate, { reasoning }: Chat, prompt: string): Prompted {
  if (reasoning === undefined || markers === undefined) return { prompt };
  return { prompt, reasoning: { ...markers, hasBegun: prompt.trimEnd().endsWith(markers.start) } };
}

/** The end of a prompt whose template begins the model's reasoning. */
const BEGUN_REASONING = /<think>\s*$/;
/** Returns the answer's calls, and a grammar if a tool is required or the format needs one. */
function toolAnswer(
  format: ToolFormat,
  { toolChoice = 'auto', parallelToolCalls = true }: Chat,
  tools: readonly Tool[],
  { prompt, reasoning }: Prompted,
): Pick<RenderedChat, 'grammar' | 'calls'> {
  // Separated reasoning does not reach the parser.
  const isThinking = reasoning === undefined && BEGUN_REASONING.test(prompt);
  const names = tools.map(({ name }) => name);
  const expected = { format: format.name, tools: names, isParallel: parallelToolCalls, isThinking };
  if (toolChoice === 'auto' && format !== generic) return { calls: expected };
  const builder = new GrammarBuilder();
  const allowed = typeof toolChoice === 'string' ? tools : tools.filter(({ name }) => name === toolChoice.name);
  const calls = format.grammar(callRules(allowed, builder), parallelToolCalls);
  const answer =
    toolChoice === 'auto' ? genericChoice(calls, addSchema(builder, 'response', { type: 'string' })) : calls;
  const rule = builder.addRule('answer', answer);
  const hasBegun = isThinking || reasoning?.hasBegun === true;
  builder.addRule('root', hasBegun ? `${reasoningRule(reasoning?.end ?? '</think>')} ${rule}` : rule);
  return { grammar: builder.toString(), calls: expected };
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

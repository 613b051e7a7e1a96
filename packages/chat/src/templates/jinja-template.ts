import type { Message, Tool } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import { answerMarkers } from './answer-markers.ts';
import { type Capabilities, probeCapabilities } from './capabilities.ts';
import type { TemplateRenderer } from './template-renderer.ts';
import { type TemplateMessage, templateMessages, templateTools } from './conversation.ts';
import { findReasoningMarkers, type ReasoningMarkers, type RenderOptions } from './reasoning-markers.ts';
import { patchedSource, type Peculiarity, peculiarityOf } from './template-peculiarities.ts';

/** A model's BOS and EOS tokens as text, empty if it has none. `adds…`: the tokenizer adds the token itself. */
export interface TemplateTokens {
  readonly bos: string;
  readonly eos: string;
  readonly addsBos: boolean;
  readonly addsEos: boolean;
}

/** Returns the current time, for templates that write the date. */
export type Now = () => Date;

/** Keeps reasoning in earlier answers, so that a prompt begins like the previous one. The name varies by template. */
const KEEP_REASONING = {
  preserve_reasoning: true,
  preserve_thinking: true,
  clear_thinking: false,
  truncate_history_thinking: false,
  drop_thinking: false,
} as const;

const PROBED_TOOLS: readonly Tool[] = [{ name: 'FFF_FIRST_FUN_F', description: 'Test function foo' }];

/** Renders prompts with the same bytes as llama-server (`common_chat_templates_apply` of common/chat.cpp). */
export class JinjaTemplate {
  readonly source: string;
  readonly capabilities: Capabilities;
  /** The markers around reasoning in an answer. Undefined if the template does not support reasoning. */
  readonly reasoning: ReasoningMarkers | undefined;
  readonly #renderer: TemplateRenderer;
  readonly #tokens: TemplateTokens;
  readonly #now: Now;
  readonly #reasoning: ReasoningMarkers | undefined;
  readonly #peculiarity: Peculiarity | undefined;

  /** Throws `INVALID_REQUEST` if the source is not a valid template. */
  constructor(source: string, compile: (source: string) => TemplateRenderer, tokens: TemplateTokens, now: Now) {
    this.source = patchedSource(source);
    this.#renderer = withRefusal(`The model's chat template is broken`, () => compile(this.source));
    this.#tokens = tokens;
    this.#now = now;
    this.#peculiarity = peculiarityOf(this.source);
    this.capabilities = probeCapabilities(this.#renderer);
    this.#reasoning = findReasoningMarkers(this.source, (options) => this.#tryRender(options));
    this.reasoning = answerMarkers(this.source, this.#reasoning);
  }

  /**
   * Returns the prompt. A last message of the assistant is an unfinished answer, which the prompt ends with. If `reasons` is
   * false, the template is told not to reason. Throws `INVALID_REQUEST` with the template's own message if it refuses.
   */
  render(messages: readonly Message[], tools: readonly Tool[], reasons = true): string {
    const enableThinking = reasons && this.#thinks;
    const apply = (some: readonly Message[], addGenerationPrompt: boolean) =>
      this.#apply(some, tools, { enableThinking, addGenerationPrompt });
    const last = messages.at(-1);
    if (last?.role !== 'assistant') return this.#withTurn(apply(messages, true));
    if (last.toolCalls !== undefined && last.toolCalls.length > 0) {
      throw ShoalError.invalidRequest('The last message calls tools: their answers are to follow it.');
    }
    const before = messages.slice(0, -1);
    if (before.at(-1)?.role === 'assistant') {
      throw ShoalError.invalidRequest('Only one message of the assistant may come last. Join the last two.');
    }
    const without = apply(before, false);
    if (this.#peculiarity !== undefined) {
      return this.#withTurn(without) + this.#peculiarity.beforeAnswer + last.content;
    }
    const beginning = afterCommonStart(without, apply(before, true));
    return without + this.#closeReasoning(beginning) + last.content;
  }

  #withTurn(prompt: string): string {
    const { turn } = this.#peculiarity ?? {};
    return turn !== undefined && prompt.endsWith(turn.end) ? prompt + turn.start : prompt;
  }

  /** Returns the generation prompt with an empty reasoning block, because an unfinished answer is past its reasoning. */
  #closeReasoning(beginning: string): string {
    const { start = '', end = '' } = this.#reasoning ?? {};
    if (start === '') return beginning;
    const at = beginning.indexOf(start);
    return (at === -1 ? beginning : beginning.slice(0, at)) + start + end;
  }

  get #thinks(): boolean {
    return this.#peculiarity !== undefined || this.#reasoning !== undefined;
  }

  #apply(
    messages: readonly Message[],
    tools: readonly Tool[],
    { enableThinking, addGenerationPrompt }: Pick<RenderOptions, 'enableThinking' | 'addGenerationPrompt'>,
  ): string {
    const text = withRefusal(`The model's chat template refuses these messages`, () =>
      this.#renderer.render({
        ...this.#variables(templateMessages(messages, this.capabilities), enableThinking, addGenerationPrompt),
        ...(tools.length > 0 && { tools: templateTools(tools) }),
        ...KEEP_REASONING,
        ...dates(this.#now()),
      }),
    );
    const { bos, eos, addsBos, addsEos } = this.#tokens;
    const start = addsBos && text.startsWith(bos) ? bos.length : 0;
    const end = addsEos && eos !== '' && text.endsWith(eos) ? text.length - eos.length : text.length;
    return text.slice(start, Math.max(start, end));
  }

  #tryRender(options: RenderOptions): string | undefined {
    const { messages, enableThinking, addGenerationPrompt, withTools = false } = options;
    if (withTools && !this.capabilities.toolCalls) return undefined;
    const tools = withTools ? { tools: templateTools(PROBED_TOOLS) } : {};
    try {
      return this.#renderer.render({ ...this.#variables(messages, enableThinking, addGenerationPrompt), ...tools });
    } catch {
      return undefined; // a refusal gives no information about reasoning
    }
  }

  #variables(messages: readonly TemplateMessage[], enableThinking: boolean, addGenerationPrompt: boolean) {
    return {
      messages: messages.map((message) =>
        typeof message.content === 'string' && this.#mustBeTyped(message.role)
          ? { ...message, content: [{ type: 'text', text: message.content }] }
          : message,
      ),
      bos_token: this.#tokens.bos,
      eos_token: this.#tokens.eos,
      enable_thinking: enableThinking,
      ...(addGenerationPrompt && { add_generation_prompt: true }),
    };
  }

  #mustBeTyped(role: string): boolean {
    return !this.capabilities.stringContent || this.#peculiarity?.typedRoles?.includes(role) === true;
  }
}

/** Runs template code. Its error becomes `INVALID_REQUEST` with the template's message, without the source location. */
function withRefusal<Result>(what: string, run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    if (error instanceof ShoalError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    const reason = message.replace(/^[^]*\nError: /, '').replace(/^(?:AddonJinjaRenderer|Jinja Exception): /, '');
    throw new ShoalError('INVALID_REQUEST', `${what}: ${reason}`, { cause: error });
  }
}

function afterCommonStart(text: string, longer: string): string {
  let length = 0;
  while (length < text.length && length < longer.length && text.charAt(length) === longer.charAt(length)) length++;
  return longer.slice(length);
}

/** Created once, because each formatter holds memory outside the JavaScript heap. */
const DAY = new Intl.DateTimeFormat('en-US', { day: '2-digit' });
const MONTH = new Intl.DateTimeFormat('en-US', { month: 'short' });
const YEAR = new Intl.DateTimeFormat('en-US', { year: 'numeric' });

/** Returns `26 Jul 2024` and `Jul 26 2024` in local time, as llama.cpp passes them to every template. */
function dates(now: Date): { readonly date_string: string; readonly datetime: string } {
  const [day, month, year] = [DAY, MONTH, YEAR].map((format) => format.format(now));
  return { date_string: `${day} ${month} ${year}`, datetime: `${month} ${day} ${year}` };
}

import { type ChatTemplate, createChatTemplate, type RenderedChat, templateWithTimeLimit } from '@shoal/chat';
import { ShoalError } from '@shoal/protocol/error';
import { jinjaCompiler } from '../jinja.ts';
import { installedBinaries } from '../native/binaries.ts';
import { Guard } from './guard.ts';
import type { FromTemplate, ToTemplate } from './messages.ts';

/** The most memory of the process that renders a chat template. One that needs more is ended, and the request refused. */
const TEMPLATE_MEMORY_BYTES = 512 * 1024 * 1024;
/** A chat must be rendered within this time. Then the process that renders it is ended, and the request refused. */
const TEMPLATE_LIMIT_MS = 5_000;
/** The longest chat template. A model with a longer one takes raw text and tokens only. */
const MAX_TEMPLATE_CHARS = 512 * 1024;
/** The longest prompt that a chat template may write, in characters. A longer one is refused. */
const MAX_PROMPT_CHARS = 32 * 1024 * 1024;
/** The length of a template's own message, which may be any text. */
const MAX_MESSAGE_CHARS = 500;

/** Renders one chat template. */
export class Renderer {
  readonly #guard = new Guard(TEMPLATE_MEMORY_BYTES);
  readonly #compile = jinjaCompiler(installedBinaries().addon);
  #template: ChatTemplate | undefined;

  handle(message: ToTemplate): FromTemplate {
    try {
      return this.#answer(message);
    } catch (error) {
      const { code, message: text } = ShoalError.from(error);
      return { type: 'refused', code, message: text.slice(0, MAX_MESSAGE_CHARS) };
    }
  }

  #answer(message: ToTemplate): FromTemplate {
    switch (message.type) {
      case 'compile': {
        const { text, tokens } = message.source;
        if (text.length > MAX_TEMPLATE_CHARS) {
          throw ShoalError.invalidRequest(`The model's chat template has more than ${MAX_TEMPLATE_CHARS} characters.`);
        }
        const template = this.#guard.watch(TEMPLATE_LIMIT_MS, () => createChatTemplate(text, this.#compile, tokens));
        this.#template = templateWithTimeLimit(template);
        return { type: 'compiled', reasons: template.reasoning !== undefined };
      }
      case 'render': {
        const template = this.#template;
        if (template === undefined) throw new Error('The parent sent a chat before the template was compiled.');
        const chat = this.#guard.watch(TEMPLATE_LIMIT_MS, () => template.render(message.chat));
        checkLength(chat);
        return { type: 'rendered', chat };
      }
      default:
        return message satisfies never;
    }
  }
}

function checkLength({ prompt, reasoning }: RenderedChat): void {
  const { start = '', end = '' } = reasoning ?? {};
  if (prompt.length + start.length + end.length <= MAX_PROMPT_CHARS) return;
  throw ShoalError.invalidRequest(`The model's chat template writes more than ${MAX_PROMPT_CHARS} characters.`);
}

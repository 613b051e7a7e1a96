import type { Message } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import { type SessionAction, printLines } from './session-action.ts';
import { type Conversation, CONVERSATION_LENGTH_MAX, requestOf } from './conversation.ts';
import { COMMANDS, help, subcommands } from './help.ts';
import { modelfile, shownParameters } from './modelfile.ts';
import { didYouMean } from '../help/did-you-mean.ts';
import { setParameter } from './parameters.ts';
import { isConversationName, NAME_RULE } from './conversation-name.ts';
import { type DisplaySettings, set } from './set-command.ts';

const QUOTES = '"""';

/** A message or system message that is not complete. */
interface OpenText {
  readonly what: 'message' | 'system';
  readonly lines: readonly string[];
  /** True: it ends with quotes. False: it ends with the line that is typed after a paste. */
  readonly isQuoted: boolean;
}

/**
 * A conversation at a terminal as a state machine. `line` takes a typed line and returns actions. The caller reports the result
 * of `generate` with `answered` or `failed`, a successful `load` with `loaded`, and `reload` with `reloaded`.
 */
export class RunSession {
  #conversation: Conversation;
  #display: DisplaySettings;
  #open: OpenText | undefined;
  /** The question that is being answered. */
  #question: string | undefined;

  constructor(conversation: Conversation, display: DisplaySettings) {
    this.#conversation = conversation;
    this.#display = display;
  }

  get conversation(): Conversation {
    return this.#conversation;
  }

  get display(): DisplaySettings {
    return this.#display;
  }

  /** True if the message needs more lines. */
  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** Handles Ctrl-C without a running answer: drops an incomplete message. */
  interrupt(): void {
    this.#open = undefined;
  }

  answered(text: string): void {
    if (this.#question === undefined) return;
    const turn: Message[] = [
      { role: 'user', content: this.#question },
      { role: 'assistant', content: text },
    ];
    this.#change({ messages: [...this.#conversation.messages, ...turn] });
    this.#question = undefined;
  }

  /** Removes the question from the conversation. */
  failed(): void {
    this.#question = undefined;
  }

  /** Replaces the conversation. It is empty for another model, as in Ollama. */
  loaded(conversation: Conversation): void {
    this.#conversation = conversation;
  }

  reloaded(contextLength: number): void {
    this.#change({ parameters: setParameter(this.#conversation.parameters, 'num_ctx', [String(contextLength)]) });
  }

  /** `isPasted`: the line is part of a pasted text, and more lines follow. */
  line(text: string, isPasted = false): readonly SessionAction[] {
    try {
      return this.#read(text, isPasted);
    } catch (error) {
      if (error instanceof ShoalError) return [printLines(error.message)];
      throw error;
    }
  }

  #read(text: string, isPasted: boolean): readonly SessionAction[] {
    const open = this.#open;
    if (open?.isQuoted === true) return this.#continueQuoted(open.what, open.lines, text);
    if (open === undefined && !isPasted && !text.startsWith(QUOTES)) return this.#singleLine(text);
    const lines = open?.lines ?? [];
    if (open === undefined && text.startsWith(QUOTES))
      return this.#continueQuoted('message', [], text.slice(QUOTES.length));
    if (isPasted) return this.#keepOpen('message', [...lines, text], false);
    return this.#complete('message', [...lines, text].join('\n'));
  }

  #continueQuoted(what: 'message' | 'system', lines: readonly string[], text: string): readonly SessionAction[] {
    if (!text.trimEnd().endsWith(QUOTES)) return this.#keepOpen(what, [...lines, text], true);
    const last = text.trimEnd().slice(0, -QUOTES.length);
    return this.#complete(what, [...lines, last].join('\n'));
  }

  #keepOpen(what: 'message' | 'system', lines: readonly string[], isQuoted: boolean): readonly SessionAction[] {
    if (lines.reduce((length, line) => length + line.length, 0) > CONVERSATION_LENGTH_MAX) {
      this.#open = undefined;
      return [printLines(`That is too long: the limit is ${CONVERSATION_LENGTH_MAX} characters.`)];
    }
    this.#open = { what, lines, isQuoted };
    return [];
  }

  #complete(what: 'message' | 'system', text: string): readonly SessionAction[] {
    this.#open = undefined;
    return what === 'system' ? this.#setSystem(text) : this.#ask(text);
  }

  #singleLine(text: string): readonly SessionAction[] {
    const command = text.trim();
    // A message may begin with a path, which is not a command.
    if (!/^\/[a-z?]+(\s|$)/i.test(command)) return this.#ask(text);
    return this.#runCommand(command);
  }

  #runCommand(command: string): readonly SessionAction[] {
    const [name = '', ...rest] = command.split(/\s+/);
    switch (name) {
      case '/?':
      case '/help':
        return [printLines(...help(rest[0]))];
      case '/quit':
      case '/bye':
      case '/exit':
        return [{ type: 'exit' }];
      case '/clear':
        this.#change({ messages: [] });
        return [printLines('Cleared session context')];
      case '/load':
        return rest.length === 1 ? [{ type: 'load', model: rest.join('') }] : [printLines('Usage: /load MODEL')];
      case '/save':
        return this.#save(rest);
      case '/set':
        return this.#set(rest, command);
      case '/show':
        return this.#show(rest);
      default:
        return [printLines(`Unknown command '${name}'.${didYouMean(name, COMMANDS)} Type /? for help`)];
    }
  }

  #save(rest: readonly string[]): readonly SessionAction[] {
    const [name = ''] = rest;
    if (rest.length !== 1) return [printLines('Usage: /save NAME')];
    return isConversationName(name) ? [{ type: 'save', name }] : [printLines(NAME_RULE)];
  }

  #show([what = '']: readonly string[]): readonly SessionAction[] {
    const { system } = this.#conversation;
    switch (what) {
      case 'info':
      case 'license':
      case 'template':
        return [{ type: 'show', what }];
      case 'modelfile':
        return [printLines(...modelfile(this.#conversation))];
      case 'parameters':
        return [printLines(...shownParameters(this.#conversation.parameters))];
      case 'system':
        return [printLines(system ?? 'There is no system message.')];
      case '':
        return [printLines(...help('show'))];
      default:
        return [
          printLines(`Unknown command '/show ${what}'.${didYouMean(what, subcommands('/show'))} Type /? show for help`),
        ];
    }
  }

  #set(rest: readonly string[], command: string): readonly SessionAction[] {
    if (rest[0] === 'system') return this.#beginSystem(command.replace(/^\/set\s+system\s*/, ''));
    const { conversation = this.#conversation, display, actions } = set(this.#conversation, rest);
    this.#conversation = conversation;
    this.#display = { ...this.#display, ...display };
    return actions;
  }

  #beginSystem(text: string): readonly SessionAction[] {
    if (text === '') return [printLines('Usage: /set system TEXT, or """ to begin several lines')];
    return text.startsWith(QUOTES)
      ? this.#continueQuoted('system', [], text.slice(QUOTES.length))
      : this.#setSystem(text);
  }

  #setSystem(text: string): readonly SessionAction[] {
    const { system: _, ...others } = this.#conversation;
    this.#conversation = text.trim() === '' ? others : { ...others, system: text };
    return [printLines(text.trim() === '' ? 'Removed system message.' : 'Set system message.')];
  }

  #ask(question: string): readonly SessionAction[] {
    if (question.trim() === '') return [];
    const request = requestOf(this.#conversation, question);
    this.#question = question;
    return [{ type: 'generate', request }];
  }

  #change(change: Partial<Conversation>): void {
    this.#conversation = { ...this.#conversation, ...change };
  }
}

import { type Message, ShoalError } from '@shoal/protocol';
import { type Action, say } from './session-action.ts';
import { type Conversation, CONVERSATION_LENGTH_MAX, requestOf } from './conversation.ts';
import { COMMANDS, help, words } from './help.ts';
import { modelfile, shownParameters } from './modelfile.ts';
import { didYouMean } from './did-you-mean.ts';
import { setParameter } from './parameters.ts';
import { isConversationName, NAME_ADVICE } from './conversation-name.ts';
import { type Manners, set } from './set-command.ts';

const QUOTES = '"""';

/** A message, or a system message, of which more lines are to come. */
interface OpenText {
  readonly what: 'message' | 'system';
  readonly lines: readonly string[];
  /** It ends with quotes; otherwise with what is typed behind a pasted text. */
  readonly isQuoted: boolean;
}

/**
 * A conversation at a terminal as a state machine: a line goes in, and what is to be done comes out. Whoever carries out an
 * `ask` says how it ended with `answered` or `failed`; a `load` that worked with `loaded`, a `reload` with `reloaded`.
 */
export class Session {
  #conversation: Conversation;
  #manners: Manners;
  #open: OpenText | undefined;
  /** What is being answered. */
  #question: string | undefined;

  constructor(conversation: Conversation, manners: Manners) {
    this.#conversation = conversation;
    this.#manners = manners;
  }

  get conversation(): Conversation {
    return this.#conversation;
  }

  get manners(): Manners {
    return this.#manners;
  }

  /** Whether more lines of the same message are waited for. */
  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** Ctrl-C where nothing is answered: what was begun of a message is dropped. */
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

  /** The question is no part of the conversation any more. */
  failed(): void {
    this.#question = undefined;
  }

  /** Another model begins anew, as Ollama's users know it; a saved conversation goes on. */
  loaded(conversation: Conversation): void {
    this.#conversation = conversation;
  }

  reloaded(contextLength: number): void {
    this.#change({ parameters: setParameter(this.#conversation.parameters, 'num_ctx', [String(contextLength)]) });
  }

  /** `isPasted`: the line is part of a longer text that was pasted, and more of it follows. */
  line(text: string, isPasted = false): readonly Action[] {
    try {
      return this.#read(text, isPasted);
    } catch (error) {
      if (error instanceof ShoalError) return [say(error.message)];
      throw error;
    }
  }

  #read(text: string, isPasted: boolean): readonly Action[] {
    const open = this.#open;
    if (open?.isQuoted === true) return this.#goOn(open.what, open.lines, text);
    if (open === undefined && !isPasted && !text.startsWith(QUOTES)) return this.#single(text);
    const lines = open?.lines ?? [];
    if (open === undefined && text.startsWith(QUOTES)) return this.#goOn('message', [], text.slice(QUOTES.length));
    if (isPasted) return this.#wait('message', [...lines, text], false);
    return this.#complete('message', [...lines, text].join('\n'));
  }

  #goOn(what: 'message' | 'system', lines: readonly string[], text: string): readonly Action[] {
    if (!text.trimEnd().endsWith(QUOTES)) return this.#wait(what, [...lines, text], true);
    const last = text.trimEnd().slice(0, -QUOTES.length);
    return this.#complete(what, [...lines, last].join('\n'));
  }

  #wait(what: 'message' | 'system', lines: readonly string[], isQuoted: boolean): readonly Action[] {
    if (lines.reduce((length, line) => length + line.length, 0) > CONVERSATION_LENGTH_MAX) {
      this.#open = undefined;
      return [say(`That is too long: the limit is ${CONVERSATION_LENGTH_MAX} characters.`)];
    }
    this.#open = { what, lines, isQuoted };
    return [];
  }

  #complete(what: 'message' | 'system', text: string): readonly Action[] {
    this.#open = undefined;
    return what === 'system' ? this.#setSystem(text) : this.#ask(text);
  }

  #single(text: string): readonly Action[] {
    const command = text.trim();
    // A path is no command: it may be what a message begins with.
    if (!/^\/[a-z?]+(\s|$)/i.test(command)) return this.#ask(text);
    return this.#obey(command);
  }

  #obey(command: string): readonly Action[] {
    const [name = '', ...rest] = command.split(/\s+/);
    switch (name) {
      case '/?':
      case '/help':
        return [say(...help(rest[0]))];
      case '/bye':
      case '/exit':
        return [{ type: 'leave' }];
      case '/clear':
        this.#change({ messages: [] });
        return [say('Cleared session context')];
      case '/load':
        return rest.length === 1 ? [{ type: 'load', model: rest.join('') }] : [say('Usage: /load MODEL')];
      case '/save':
        return this.#save(rest);
      case '/set':
        return this.#set(rest, command);
      case '/show':
        return this.#show(rest);
      default:
        return [say(`Unknown command '${name}'.${didYouMean(name, COMMANDS)} Type /? for help`)];
    }
  }

  #save(rest: readonly string[]): readonly Action[] {
    const [name = ''] = rest;
    if (rest.length !== 1) return [say('Usage: /save NAME')];
    return isConversationName(name) ? [{ type: 'save', name }] : [say(NAME_ADVICE)];
  }

  #show([what = '']: readonly string[]): readonly Action[] {
    const { system } = this.#conversation;
    switch (what) {
      case 'info':
      case 'license':
      case 'template':
        return [{ type: 'show', what }];
      case 'modelfile':
        return [say(...modelfile(this.#conversation))];
      case 'parameters':
        return [say(...shownParameters(this.#conversation.parameters))];
      case 'system':
        return [say(system ?? 'There is no system message.')];
      case '':
        return [say(...help('show'))];
      default:
        return [say(`Unknown command '/show ${what}'.${didYouMean(what, words('/show'))} Type /? show for help`)];
    }
  }

  #set(rest: readonly string[], command: string): readonly Action[] {
    if (rest[0] === 'system') return this.#beginSystem(command.replace(/^\/set\s+system\s*/, ''));
    const { conversation = this.#conversation, manners, actions } = set(this.#conversation, rest);
    this.#conversation = conversation;
    this.#manners = { ...this.#manners, ...manners };
    return actions;
  }

  #beginSystem(text: string): readonly Action[] {
    if (text === '') return [say('Usage: /set system TEXT, or """ to begin several lines')];
    return text.startsWith(QUOTES) ? this.#goOn('system', [], text.slice(QUOTES.length)) : this.#setSystem(text);
  }

  #setSystem(text: string): readonly Action[] {
    const { system: _, ...others } = this.#conversation;
    this.#conversation = text.trim() === '' ? others : { ...others, system: text };
    return [say(text.trim() === '' ? 'Removed system message.' : 'Set system message.')];
  }

  #ask(question: string): readonly Action[] {
    if (question.trim() === '') return [];
    const request = requestOf(this.#conversation, question);
    this.#question = question;
    return [{ type: 'ask', request }];
  }

  #change(change: Partial<Conversation>): void {
    this.#conversation = { ...this.#conversation, ...change };
  }
}

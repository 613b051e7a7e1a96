import { type NodeControl, type NodeTerminal, requestText, type RequestListener } from '@shoal/node';
import { printableName } from '@shoal/host/printable';
import type { InferenceRequest, Input } from '@shoal/protocol/request';
import { localTime } from '../logs/log-line.ts';
import { LiveLine, type LineStream } from '../terminal/live-line.ts';
import { count } from '../terminal/output.ts';

/** The summary is drawn again after this time. */
const REDRAW_MS = 1_000;
/** A longer prompt is cut. */
const SHOWN_PROMPT_CHARACTERS = 200;

export interface ServeTerminalOptions {
  readonly stream: LineStream;
  /** True: the prompts are shown, which are others' words. */
  readonly showsPrompts: boolean;
  /** Milliseconds since 1970. Default: now. */
  readonly now?: (() => number) | undefined;
}

/** A node in the foreground of a terminal: its log, a line for each request, and below them a summary that is kept current. */
export class ServeTerminal implements NodeTerminal {
  readonly #options: ServeTerminalOptions;
  readonly #summary: LiveLine;
  #node: Pick<NodeControl, 'status' | 'peers'> | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(options: ServeTerminalOptions) {
    this.#options = options;
    this.#summary = new LiveLine(options.stream);
  }

  write(line: string): void {
    this.#summary.above(() => this.#options.stream.write(line));
  }

  readonly requestEnded: RequestListener = (record, request) => {
    const { showsPrompts, now = Date.now } = this.#options;
    const [, time = ''] = localTime(now()).split(' ');
    const prompt = showsPrompts ? `  ${promptText(request)}\n` : '';
    this.write(`${time} ${requestText(record)}\n${prompt}`);
    this.#draw();
  };

  started(node: Pick<NodeControl, 'status' | 'peers'>): void {
    this.#node = node;
    this.#timer = setInterval(() => this.#draw(), REDRAW_MS);
    this.#draw();
  }

  ended(): void {
    clearInterval(this.#timer);
    this.#node = undefined;
    this.#summary.clear();
  }

  #draw(): void {
    if (this.#node !== undefined) this.#summary.show(summaryOf(this.#node));
  }
}

/** `1 of 4 running, 0 waiting; last hour: 12 answered, 3456 tokens; 2 peers; health 80`. */
function summaryOf(node: Pick<NodeControl, 'status' | 'peers'>): string {
  const { load, health, requests, lends } = node.status();
  const { peers, programs } = requests.lastHour;
  const ends = [
    `${peers.answered + programs.answered} answered`,
    ...some(peers.failed + programs.failed, 'failed'),
    ...some(peers.refused + programs.refused, 'refused'),
    count(peers.tokens + programs.tokens, 'token'),
  ];
  const running = lends ? [`${load.active} of ${load.slots} running, ${load.queued} waiting`] : [];
  return [...running, `last hour: ${ends.join(', ')}`, count(node.peers().length, 'peer'), `health ${health}`].join(
    '; ',
  );
}

function some(number: number, what: string): string[] {
  return number === 0 ? [] : [`${number} ${what}`];
}

/** The last words of the prompt's author, on one line. */
function promptText({ input }: InferenceRequest): string {
  const text = printableName(textOf(input)).trim();
  return text.length <= SHOWN_PROMPT_CHARACTERS ? text : `${text.slice(0, SHOWN_PROMPT_CHARACTERS - 1)}…`;
}

function textOf(input: Input): string {
  switch (input.type) {
    case 'messages':
      return input.messages.findLast(({ role }) => role === 'user')?.content ?? '';
    case 'text':
      return input.text;
    case 'tokens':
      return `[${count(input.tokens.length, 'token')}]`;
    case 'embeddings':
      return `[${count(input.texts.length, 'text')}] ${input.texts[0] ?? ''}`;
    default:
      return input satisfies never;
  }
}

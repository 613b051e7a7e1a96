import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { isObject, type JsonObject } from '@shoal/protocol';
import { textIn } from '@shoal/formats/json';
import { StopFilter } from '@shoal/chat/stop-filter';
import { FakeServer, inPieces, sendJson } from '../../testing/fake-server.ts';
import { type Fault, LAST_EVENTS, REFUSALS } from './fake-faults.ts';

const WORDS_BEFORE_FAULT = 3;
const PIECE_OF_ENDLESS_LINE = 'x'.repeat(64 * 1024);

/** A question, as it was sent. */
export interface FakeQuestion {
  readonly path: string;
  readonly body: JsonObject;
  readonly headers: IncomingHttpHeaders;
}

const USUAL_MODELS: readonly object[] = [
  { id: 'parrot', object: 'model', owned_by: 'vllm', max_model_len: 8192 },
  { id: 'dodo', object: 'model', owned_by: 'someone' },
];

/**
 * A fake of an OpenAI-compatible server for the faults that real ones cannot be made to have: a real HTTP server whose models
 * repeat what they are told, a word a token, and stop when the connection is closed.
 */
export class FakeOpenAi {
  fault: Fault | undefined;
  models: unknown = USUAL_MODELS;
  /** Answers come in pieces of so many bytes, cut anywhere; absent: an event a piece. */
  pieceBytes: number | undefined;
  /** Whether it knows `stream_options`, passes over it, or refuses it. */
  usage: 'told' | 'ignored' | 'refused' = 'told';
  /** What comes before the words, as the fields of choices. */
  deltas: readonly object[] = [];
  /** How the answer ends; null: without a reason. */
  finishReason: string | null | undefined;
  saysDone = true;
  retryAfter: string | undefined;
  embeddings: unknown;
  onQuestion: (question: FakeQuestion) => void = () => {};
  /** The connection was closed before the answer was complete; so many words were said. */
  onHangUp: (words: number) => void = () => {};
  readonly #server = new FakeServer((request, response) => this.#handle(request, response));

  static async start(): Promise<FakeOpenAi> {
    const fake = new FakeOpenAi();
    await fake.#server.listen();
    return fake;
  }

  get address(): string {
    return `http://${this.#server.address}`;
  }

  /** As a test found it. */
  mend(): void {
    Object.assign(this, { ...INTACT, onQuestion: () => {}, onHangUp: () => {} });
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '';
    const { headers } = request;
    if (path === '/v1/models') {
      const refusal = this.#refusal();
      if (refusal !== undefined) return this.#refuse(response, refusal);
      return sendJson(response, 200, { object: 'list', data: this.models });
    }
    const body: unknown = request.method === 'POST' ? await json(request) : undefined;
    if (!isObject(body)) return sendJson(response, 404, { error: { message: 'File Not Found' } });
    response.on('close', () => {
      if (!response.writableFinished) this.onHangUp(progress.said);
    });
    const progress = { said: 0 };
    this.onQuestion({ path, body, headers });
    if (this.fault === 'silent from the start') return;
    const refusal = this.#refusal();
    if (refusal !== undefined) return this.#refuse(response, refusal);
    if (path === '/v1/embeddings') return this.#embed(body, response);
    if (this.usage === 'refused' && body['stream_options'] !== undefined) {
      return sendJson(response, 400, { error: { message: 'Unrecognized request argument supplied: stream_options' } });
    }
    response.setHeader('content-type', 'text/event-stream');
    await pipeline(inPieces(this.#events(path, body, progress, response), this.pieceBytes), response);
  }

  #refusal() {
    return Object.entries(REFUSALS).find(([fault]) => fault === this.fault)?.[1];
  }

  #refuse(response: ServerResponse, { status, error }: { readonly status: number; readonly error: object }): void {
    if (this.retryAfter !== undefined) response.setHeader('retry-after', this.retryAfter);
    if (status === 307) response.setHeader('location', `${this.address}/v1/elsewhere`);
    sendJson(response, status, { error });
  }

  /** A text's vector says how long it is and how it begins; they come in another order than the texts. */
  #embed(body: JsonObject, response: ServerResponse): void {
    const { input } = body;
    const texts = Array.isArray(input) ? input.map(String) : [];
    const data = texts.map((text, index) => ({
      index,
      embedding: [text.length % 7, (text.codePointAt(0) ?? 0) % 11, 1],
    }));
    sendJson(response, 200, { data: this.embeddings ?? data.toReversed(), usage: { prompt_tokens: texts.length } });
  }

  async *#events(
    path: string,
    body: JsonObject,
    progress: { said: number },
    response: ServerResponse,
  ): AsyncGenerator<string> {
    const isChat = path === '/v1/chat/completions';
    const say = (text: string) =>
      event({ choices: [isChat ? { index: 0, delta: { content: text } } : { index: 0, text }] });
    yield ': ping\n\n';
    yield event({ choices: [{ index: 0, delta: { role: 'assistant', content: null, reasoning_content: 'Hm.' } }] });
    for (const fields of this.deltas) yield event({ choices: [{ index: 0, ...fields }] });
    const { words, stops, limit } = readQuestion(body);
    for (const text of words) {
      if (progress.said >= limit) break;
      if (progress.said === WORDS_BEFORE_FAULT && this.fault !== undefined) return yield* suffer(this.fault, response);
      progress.said++;
      const piece = stops.push({ text, tokens: [] });
      if (piece !== undefined) yield say(piece.text);
      if (stops.stopped) break;
    }
    const rest = stops.end();
    if (rest !== undefined) yield say(rest.text);
    const usual = progress.said < words.length && !stops.stopped ? 'length' : 'stop';
    const reason = this.finishReason === undefined ? usual : this.finishReason;
    yield event({ choices: [{ index: 0, delta: {}, finish_reason: reason }] });
    if (this.usage === 'told' && body['stream_options'] !== undefined) {
      const usage = { prompt_tokens: words.length, completion_tokens: progress.said };
      yield event({ choices: [], usage: { ...usage, prompt_tokens_details: { cached_tokens: 1 } } });
    }
    if (this.saysDone) yield 'data: [DONE]\n\n';
  }
}

const INTACT = {
  fault: undefined,
  models: USUAL_MODELS,
  pieceBytes: undefined,
  usage: 'told',
  deltas: [],
  finishReason: undefined,
  saysDone: true,
  retryAfter: undefined,
  embeddings: undefined,
} as const;

function event(chunk: object): string {
  return `data: ${JSON.stringify(chunk)}\n\n`;
}

async function* suffer(fault: Fault, response: ServerResponse): AsyncGenerator<string> {
  if (fault === 'cut in mid-stream') response.destroy();
  else if (fault === 'silent in mid-stream') await once(response, 'close');
  else if (fault === 'endless line') for (yield 'data: {"choices":"'; ;) yield PIECE_OF_ENDLESS_LINE;
  else for (const [name, text] of Object.entries(LAST_EVENTS)) if (name === fault) yield text;
}

function readQuestion(body: JsonObject): { words: readonly string[]; stops: StopFilter; limit: number } {
  const { stop, max_tokens: limit } = body;
  return {
    words: lastSaid(body).match(/\S+\s*/g) ?? [],
    stops: new StopFilter(Array.isArray(stop) ? stop.map(String) : []),
    limit: typeof limit === 'number' ? limit : Infinity,
  };
}

function lastSaid(body: JsonObject): string {
  const { messages, prompt } = body;
  if (!Array.isArray(messages)) return Array.isArray(prompt) ? prompt.join(' ') : (textIn(body, 'prompt') ?? '');
  const last: unknown = messages.at(-1);
  return isObject(last) ? (textIn(last, 'content') ?? '') : '';
}

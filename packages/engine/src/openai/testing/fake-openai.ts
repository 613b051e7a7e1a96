import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { isObject, type JsonObject } from '@shoal/protocol/json';
import { textIn } from '@shoal/formats/json';
import { StopFilter } from '@shoal/chat/stop-filter';
import { FakeServer, inPieces, sendJson } from '../../testing/fake-server.ts';
import { type OpenAiFault, LAST_EVENTS, REFUSALS } from './fake-faults.ts';

const WORDS_BEFORE_FAULT = 3;
const PIECE_OF_ENDLESS_LINE = 'x'.repeat(64 * 1024);

/** A request, as it was sent. */
export interface FakeOpenAiRequest {
  readonly path: string;
  readonly body: JsonObject;
  readonly headers: IncomingHttpHeaders;
}

const DEFAULT_MODELS: readonly object[] = [
  { id: 'parrot', object: 'model', owned_by: 'vllm', max_model_len: 8192 },
  { id: 'dodo', object: 'model', owned_by: 'someone' },
];

/**
 * A fake OpenAI-compatible server, for faults that a real one does not have on demand. Its models repeat the last message, one
 * word per token, and stop when the connection is closed.
 */
export class FakeOpenAi {
  fault: OpenAiFault | undefined;
  models: unknown = DEFAULT_MODELS;
  /** The size of the pieces of an answer. Undefined: one event per piece. */
  pieceBytes: number | undefined;
  /** The effect of `stream_options`. */
  usage: 'sent' | 'ignored' | 'refused' = 'sent';
  /** Returns the error message of a body that is refused. */
  refusalOf: (body: JsonObject) => string | undefined = () => undefined;
  /** Fields of the choices that precede the words. */
  deltas: readonly object[] = [];
  /** Null: the answer ends without a reason. Undefined: the usual reason. */
  finishReason: string | null | undefined;
  sendsDone = true;
  retryAfter: string | undefined;
  embeddings: unknown;
  onRequest: (question: FakeOpenAiRequest) => void = () => {};
  /** Called if the connection is closed before the answer is complete, with the number of words sent. */
  onDisconnect: (words: number) => void = () => {};
  readonly #server = new FakeServer((request, response) => this.#handle(request, response));

  static async start(): Promise<FakeOpenAi> {
    const fake = new FakeOpenAi();
    await fake.#server.listen();
    return fake;
  }

  get address(): string {
    return `http://${this.#server.address}`;
  }

  /** Restores the initial state. */
  reset(): void {
    Object.assign(this, { ...INITIAL_STATE, onRequest: () => {}, onDisconnect: () => {}, refusalOf: () => undefined });
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
      if (!response.writableFinished) this.onDisconnect(progress.words);
    });
    const progress = { words: 0 };
    this.onRequest({ path, body, headers });
    if (this.fault === 'silent from the start') return;
    const refusal = this.#refusal();
    if (refusal !== undefined) return this.#refuse(response, refusal);
    if (path === '/v1/embeddings') return this.#embed(body, response);
    if (this.usage === 'refused' && body['stream_options'] !== undefined) {
      return sendJson(response, 400, { error: { message: 'Unrecognized request argument supplied: stream_options' } });
    }
    const message = this.refusalOf(body);
    if (message !== undefined) return sendJson(response, 400, { error: { message } });
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

  /** A text's vector depends on its length and first character. Vectors are in another order than the texts. */
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
    progress: { words: number },
    response: ServerResponse,
  ): AsyncGenerator<string> {
    const isChat = path === '/v1/chat/completions';
    const textEvent = (text: string) =>
      event({ choices: [isChat ? { index: 0, delta: { content: text } } : { index: 0, text }] });
    yield ': ping\n\n';
    yield event({ choices: [{ index: 0, delta: { role: 'assistant', content: null, reasoning_content: 'Hm.' } }] });
    for (const fields of this.deltas) yield event({ choices: [{ index: 0, ...fields }] });
    const { words, stops, limit } = readBody(body);
    for (const text of words) {
      if (progress.words >= limit) break;
      if (progress.words === WORDS_BEFORE_FAULT && this.fault !== undefined)
        return yield* failWith(this.fault, response);
      progress.words++;
      const piece = stops.push({ text, tokens: [] });
      if (piece !== undefined) yield textEvent(piece.text);
      if (stops.stopped) break;
    }
    const rest = stops.end();
    if (rest !== undefined) yield textEvent(rest.text);
    const defaultReason = progress.words < words.length && !stops.stopped ? 'length' : 'stop';
    const reason = this.finishReason === undefined ? defaultReason : this.finishReason;
    yield event({ choices: [{ index: 0, delta: {}, finish_reason: reason }] });
    if (this.usage === 'sent' && body['stream_options'] !== undefined) {
      const usage = { prompt_tokens: words.length, completion_tokens: progress.words };
      yield event({ choices: [], usage: { ...usage, prompt_tokens_details: { cached_tokens: 1 } } });
    }
    if (this.sendsDone) yield 'data: [DONE]\n\n';
  }
}

const INITIAL_STATE = {
  fault: undefined,
  models: DEFAULT_MODELS,
  pieceBytes: undefined,
  usage: 'sent',
  deltas: [],
  finishReason: undefined,
  sendsDone: true,
  retryAfter: undefined,
  embeddings: undefined,
} as const;

function event(chunk: object): string {
  return `data: ${JSON.stringify(chunk)}\n\n`;
}

async function* failWith(fault: OpenAiFault, response: ServerResponse): AsyncGenerator<string> {
  if (fault === 'cut in mid-stream') response.destroy();
  else if (fault === 'silent in mid-stream') await once(response, 'close');
  else if (fault === 'endless line') for (yield 'data: {"choices":"'; ;) yield PIECE_OF_ENDLESS_LINE;
  else for (const [name, text] of Object.entries(LAST_EVENTS)) if (name === fault) yield text;
}

function readBody(body: JsonObject): { words: readonly string[]; stops: StopFilter; limit: number } {
  const { stop, max_tokens: limit } = body;
  return {
    words: lastMessage(body).match(/\S+\s*/g) ?? [],
    stops: new StopFilter(Array.isArray(stop) ? stop.map(String) : []),
    limit: typeof limit === 'number' ? limit : Infinity,
  };
}

function lastMessage(body: JsonObject): string {
  const { messages, prompt } = body;
  if (!Array.isArray(messages)) return Array.isArray(prompt) ? prompt.join(' ') : (textIn(body, 'prompt') ?? '');
  const last: unknown = messages.at(-1);
  return isObject(last) ? (textIn(last, 'content') ?? '') : '';
}

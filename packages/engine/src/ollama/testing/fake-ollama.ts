import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { StopFilter } from '@shoal/chat/stop-filter';
import { FakeServer, inPieces, sendJson } from '../../testing/fake-server.ts';
import { isObject, type JsonObject } from '@shoal/protocol/json';
import { objectIn, textIn } from '@shoal/formats/json';
import { FAKE_MODELS } from './fake-models.ts';

/** Error responses with Ollama's texts. */
const REFUSALS = {
  'model deleted': { status: 404, error: "model 'parrot:latest' not found" },
  busy: { status: 503, error: 'server busy, please try again.  maximum pending requests exceeded' },
  failure: { status: 500, error: 'llama runner process has terminated: /home/dan/secret' },
  refusal: { status: 400, error: 'invalid option provided at /home/dan/secret' },
  'prompt too long': { status: 400, error: 'the input length exceeds the context length' },
} as const;

/** The end of a stream after a few words. */
const LAST_LINES = {
  'end without done': '',
  'error line': '{"error":"an error was encountered while running the model: /home/dan/secret"}\n',
  'garbage line': '{"response":"half a li\n',
  'line of another kind': 'event: ping\n',
} as const;

/** A fault of all answers. */
export type OllamaFault =
  | keyof typeof REFUSALS
  | keyof typeof LAST_LINES
  | 'silent from the start'
  | 'silent in mid-stream'
  | 'cut in mid-stream'
  | 'endless line'
  | 'only loads';

const WORDS_BEFORE_FAULT = 3;
const PIECE_OF_ENDLESS_LINE = 'x'.repeat(64 * 1024);

/** A request for an answer or for vectors, as it was sent. */
export interface FakeOllamaRequest {
  readonly path: string;
  readonly body: JsonObject;
}

/**
 * A fake Ollama, for faults that the real one does not have on demand. Its models repeat the last message, one word per token,
 * and stop when the connection is closed.
 */
export class FakeOllama {
  fault: OllamaFault | undefined;
  hasModels = true;
  /** The size of the pieces of an answer. Undefined: one line per piece. */
  pieceBytes: number | undefined;
  /** The time in `api/ps` at which the parrot is unloaded. */
  expiresAt = '2026-01-01T00:00:00Z';
  /** The vectors of `api/embed`. Undefined: one per text. */
  embeddings: unknown;
  /** The arguments of tool calls. */
  callArguments: unknown = { city: 'Oslo' };
  onRequest: (request: FakeOllamaRequest) => void = () => {};
  /** Called if the connection is closed before the answer is complete, with the number of words sent. */
  onDisconnect: (words: number) => void = () => {};
  readonly #server = new FakeServer((request, response) => this.#handle(request, response));

  static async start(): Promise<FakeOllama> {
    const fake = new FakeOllama();
    await fake.#server.listen();
    return fake;
  }

  get address(): string {
    return this.#server.address;
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '';
    if (path === '/api/tags') {
      const models = this.hasModels ? Object.entries(FAKE_MODELS) : [];
      return sendJson(response, 200, { models: models.map(([name, { tag }]) => ({ name, model: name, ...tag })) });
    }
    if (path === '/api/ps') {
      const loaded = { name: 'parrot:latest', size: 1_000, context_length: 2048, digest: 'f'.repeat(64) };
      const more = { name: 'seer:7b', size: 2_000, size_vram: 2_000, expires_at: '2318-01-01T00:00:00Z' };
      return sendJson(response, 200, { models: [{ ...loaded, size_vram: 0, expires_at: this.expiresAt }, more] });
    }
    if (request.method !== 'POST') return sendJson(response, 404, { error: 'page not found' });
    const body: unknown = await json(request);
    if (!isObject(body)) return sendJson(response, 400, { error: 'missing request body' });
    const name = textIn(body, 'model') ?? '';
    const model = FAKE_MODELS[name] ?? FAKE_MODELS[`${name}:latest`];
    if (model === undefined) return sendJson(response, 404, { error: `model '${name}' not found` });
    if (path === '/api/show') return sendJson(response, 200, model.show);
    if (path === '/api/embed') return this.#embed(body, response);
    await this.#answer({ path, body }, response);
  }

  /** A text's vector depends on its length and first character. */
  #embed(body: JsonObject, response: ServerResponse): void {
    this.onRequest({ path: '/api/embed', body });
    const { input } = body;
    const texts = Array.isArray(input) ? input.map(String) : [];
    const embeddings = texts.map((text) => [text.length % 7, (text.codePointAt(0) ?? 0) % 11, 1]);
    sendJson(response, 200, { embeddings: this.embeddings ?? embeddings, prompt_eval_count: texts.length });
  }

  async #answer(request: FakeOllamaRequest, response: ServerResponse): Promise<void> {
    const progress = { words: 0 };
    response.on('close', () => {
      if (!response.writableFinished) this.onDisconnect(progress.words);
    });
    this.onRequest(request);
    if (this.fault === 'silent from the start') return;
    for (const [fault, { status, error }] of Object.entries(REFUSALS)) {
      if (this.fault === fault) return sendJson(response, status, { error });
    }
    response.setHeader('content-type', 'application/x-ndjson');
    await pipeline(inPieces(this.#lines(request, progress, response), this.pieceBytes), response);
  }

  async *#lines(
    { path, body }: FakeOllamaRequest,
    progress: { words: number },
    response: ServerResponse,
  ): AsyncGenerator<string> {
    const line = (text: string, fields: object) => {
      const content = path === '/api/chat' ? { message: { role: 'assistant', content: text } } : { response: text };
      return `${JSON.stringify({ model: body['model'], created_at: '2026-01-01T00:00:00Z', ...content, ...fields })}\n`;
    };
    if (this.fault === 'only loads') return yield line('', { done: true, done_reason: 'load' });
    const ofReasoning = body['logprobs'] === true ? { logprobs: [wordLogprob('Parrots repeat.', body)] } : {};
    yield line('', { thinking: 'Parrots repeat.', done: false, ...ofReasoning });
    if (Array.isArray(body['tools'])) yield toolLine(body['tools'], this.callArguments);
    const { words, stops, limit } = readBody(body);
    for (const text of words) {
      if (progress.words >= limit) break;
      if (progress.words === WORDS_BEFORE_FAULT && this.fault !== undefined)
        return yield* failWith(this.fault, response);
      progress.words++;
      const piece = stops.push({ text, tokens: [] });
      const logprobs = body['logprobs'] === true ? { logprobs: [wordLogprob(text, body)] } : {};
      if (piece !== undefined) yield line(piece.text, { done: false, ...logprobs });
      if (stops.stopped) break;
    }
    const rest = stops.end();
    if (rest !== undefined) yield line(rest.text, { done: false });
    const reason = progress.words < words.length && !stops.stopped ? 'length' : 'stop';
    const counts = { prompt_eval_count: words.length, eval_count: progress.words, total_duration: 1_000 };
    yield line('', { done: true, done_reason: reason, ...counts });
  }
}

/** Calls every tool. The first call has no id, as in older versions. */
function toolLine(tools: readonly unknown[], given: unknown): string {
  const calls = tools.filter(isObject).map((tool, index) => ({
    ...(index > 0 && { id: `call_${index}` }),
    function: { name: textIn(objectIn(tool, 'function'), 'name'), arguments: given },
  }));
  return `${JSON.stringify({ message: { role: 'assistant', content: '', tool_calls: calls }, done: false })}\n`;
}

function wordLogprob(token: string, body: JsonObject): object {
  const others = [
    { token: 'unlikely', logprob: -9 },
    { token, logprob: -0.5 },
    { token: 'likely', logprob: -1 },
  ];
  return { token, logprob: -0.5, top_logprobs: Number(body['top_logprobs']) > 0 ? others : undefined };
}

async function* failWith(fault: OllamaFault, response: ServerResponse): AsyncGenerator<string> {
  if (fault === 'cut in mid-stream') response.destroy();
  else if (fault === 'silent in mid-stream') await once(response, 'close');
  else if (fault === 'endless line') for (yield '{"response":"'; ;) yield PIECE_OF_ENDLESS_LINE;
  else for (const [name, line] of Object.entries(LAST_LINES)) if (name === fault) yield line;
}

function readBody(body: JsonObject): { words: readonly string[]; stops: StopFilter; limit: number } {
  const options = objectIn(body, 'options');
  const stop = options?.['stop'];
  const limit = options?.['num_predict'];
  return {
    words: lastMessage(body).match(/\S+\s*/g) ?? [],
    stops: new StopFilter(Array.isArray(stop) ? stop.map(String) : []),
    limit: typeof limit === 'number' ? limit : Infinity,
  };
}

function lastMessage(body: JsonObject): string {
  const { messages } = body;
  if (!Array.isArray(messages)) return textIn(body, 'prompt') ?? '';
  const last: unknown = messages.at(-1);
  return isObject(last) ? (textIn(last, 'content') ?? '') : '';
}

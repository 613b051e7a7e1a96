import { type InferenceEvent, ShoalError } from '@shoal/protocol';
import type { EmbeddingsResponse } from '@shoal/formats/embeddings';
import { readEmbeddingsResponse } from '@shoal/formats/openai';
import { embed } from '../http/embedding.ts';
import { failures, refused } from './errors.ts';
import { askSmall } from './facts.ts';
import { orAborted } from '../child-process/abort.ts';
import { orUnavailable } from './patience.ts';
import { type RunningServer, startServer, type StartOptions } from './running.ts';
import { Supervisor } from '../child-process/supervisor.ts';

/** A server for vectors that nobody asks for so long gives its memory back. */
const IDLE_MS = 300_000;
/** Reading texts takes as long as reading a prompt. */
const PATIENCE_MS = 300_000;
const HTTP_OK = 200;

type Options = Omit<StartOptions, 'slots' | 'words'>;

/**
 * Vectors of texts. A llama-server either generates or embeds: for vectors there is a second one, with the same model file,
 * which starts at the first such request and ends when it was not asked for a while.
 */
export class Embedder {
  readonly #supervisor: Supervisor<RunningServer>;
  /** Models that generate say nothing of how to make one vector of many: then it is that of the last token. */
  #pooling: readonly string[] = [];
  #active = 0;
  #idle: NodeJS.Timeout | undefined;

  constructor(options: () => Promise<Options>, lost: (error: ShoalError) => void) {
    this.#supervisor = new Supervisor({ start: async (signal) => this.#start(await options(), signal), lost });
  }

  async *embed(
    texts: readonly string[],
    model: string,
    signal: AbortSignal,
  ): AsyncGenerator<InferenceEvent, undefined> {
    this.#active++;
    clearTimeout(this.#idle);
    try {
      const { server } = await orAborted(orUnavailable(this.#supervisor.ready()), signal);
      const ask = async (batch: readonly string[]): Promise<EmbeddingsResponse> => {
        const request = { path: 'v1/embeddings', body: { input: batch }, signal, timeoutMs: PATIENCE_MS };
        const { status, object } = await server.requestObject(request);
        if (status !== HTTP_OK) throw refused(status, object);
        return readEmbeddingsResponse(object);
      };
      yield* embed(texts, model, ask, (cause) => failures.unreadable(cause));
      this.#supervisor.resetBackOff();
    } finally {
      this.#active--;
      if (this.#active === 0) this.#idle = setTimeout(() => void this.#supervisor.stop(), IDLE_MS).unref();
    }
  }

  async close(): Promise<void> {
    clearTimeout(this.#idle);
    await this.#supervisor.close();
  }

  async #start(options: Options, signal: AbortSignal): Promise<RunningServer> {
    const running = await this.#startOnce(options, signal);
    try {
      await askSmall(running.server, 'v1/embeddings', { input: 'a' }, signal);
      return running;
    } catch (error) {
      await running.end();
      const isWithoutPooling = error instanceof ShoalError && error.code === 'INVALID_REQUEST';
      if (!isWithoutPooling || this.#pooling.length > 0) throw error;
    }
    this.#pooling = ['--pooling', 'last'];
    return this.#start(options, signal);
  }

  /** A text is read in one piece: its vector is made of all of its tokens. */
  #startOnce(options: Options, signal: AbortSignal): Promise<RunningServer> {
    const room = String(options.contextTokens);
    const words = ['--embeddings', '--batch-size', room, '--ubatch-size', room, ...this.#pooling];
    return startServer({ ...options, slots: 1, words }, signal);
  }
}

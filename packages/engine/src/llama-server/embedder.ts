import type { InferenceEvent } from '@shoal/protocol';
import { ShoalError } from '@shoal/protocol/error';
import type { EmbeddingsResponse } from '@shoal/formats/embeddings';
import { readEmbeddingsResponse } from '@shoal/formats/openai';
import { embed } from '../http/embedding.ts';
import { failures, refused } from './errors.ts';
import { requestJson } from './request-json.ts';
import { orAborted } from '../child-process/abort.ts';
import { withPeerError } from './peer-error.ts';
import { type RunningServer, startServer, type StartOptions } from './running.ts';
import { Supervisor } from '../child-process/supervisor.ts';

/** An embedding server without requests for this long is ended. */
const IDLE_MS = 300_000;
/** Reading texts takes as long as reading a prompt. */
const EMBEDDING_TIMEOUT_MS = 300_000;
const HTTP_OK = 200;

type Options = Omit<StartOptions, 'slots' | 'words'>;

/**
 * Embeds texts. A llama-server either generates or embeds, so this is a second one with the same model file. It starts at the
 * first request and ends after a while without requests.
 */
export class Embedder {
  readonly #supervisor: Supervisor<RunningServer>;
  /** The pooling flags. Models that generate do not define the pooling; then the last token's vector is used. */
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
    let end = (): void => {};
    try {
      const { server, begin } = await orAborted(withPeerError(this.#supervisor.ready()), signal);
      end = begin();
      const requestVectors = async (batch: readonly string[]): Promise<EmbeddingsResponse> => {
        const request = { path: 'v1/embeddings', body: { input: batch }, signal, timeoutMs: EMBEDDING_TIMEOUT_MS };
        const { status, object } = await server.requestObject(request);
        if (status !== HTTP_OK) throw refused(status, object);
        return readEmbeddingsResponse(object);
      };
      yield* embed(texts, model, requestVectors, (cause) => failures.unreadable(cause));
      this.#supervisor.resetBackOff();
    } finally {
      end();
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
      await requestJson(running.server, 'v1/embeddings', { input: 'a' }, signal);
      return running;
    } catch (error) {
      await running.end();
      const isWithoutPooling = error instanceof ShoalError && error.code === 'INVALID_REQUEST';
      if (!isWithoutPooling || this.#pooling.length > 0) throw error;
    }
    this.#pooling = ['--pooling', 'last'];
    return this.#start(options, signal);
  }

  /** A text must fit one batch, because its vector depends on all of its tokens. */
  #startOnce(options: Options, signal: AbortSignal): Promise<RunningServer> {
    const batchTokens = String(options.contextTokens);
    const words = ['--embeddings', '--batch-size', batchTokens, '--ubatch-size', batchTokens, ...this.#pooling];
    return startServer({ ...options, slots: 1, words }, signal);
  }
}

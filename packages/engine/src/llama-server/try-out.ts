import { countIn } from '@shoal/formats/json';
import { ShoalError } from '@shoal/protocol/error';
import { memoryLimitBytes } from '../child-process/memory-limit.ts';
import { isCrash, refused } from './errors.ts';
import { causeOfCrash } from './loaded.ts';
import { startServer } from './running.ts';

/** More than one token in a step: processors have other code for that than for a single one. */
const PROMPT_TOKENS = 40;
const ANSWER_TOKENS = 4;
const CONTEXT_TOKENS = 128;
const ANSWER_TIMEOUT_MS = 120_000;
const HTTP_OK = 200;

export interface TryOut {
  /** The path of `llama-server`. */
  readonly binary: string;
  /** A model with at least 64 tokens in its vocabulary. */
  readonly modelPath: string;
}

/** Loads a model in a llama-server, generates some tokens and ends it. Throws a `ShoalError` for the model's owner. */
export async function tryServer({ binary, modelPath }: TryOut, signal: AbortSignal): Promise<void> {
  const limitBytes = memoryLimitBytes(undefined);
  const options = {
    binary,
    modelPath,
    contextTokens: CONTEXT_TOKENS,
    slots: 1,
    limitBytes,
    gpuLayers: -1,
    onLine: () => {},
  };
  const running = await startServer(options, signal);
  try {
    const prompt = Array.from({ length: PROMPT_TOKENS }, (_, index) => index);
    const body = { prompt, n_predict: ANSWER_TOKENS, temperature: 0, ignore_eos: true };
    const request = { path: 'completion', body, signal, timeoutMs: ANSWER_TIMEOUT_MS };
    const { status, object } = await running.server.requestObject(request);
    if (status !== HTTP_OK) throw refused(status, object);
    if ((countIn(object, 'tokens_predicted') ?? 0) === 0) throw ShoalError.generationFailed('It generated nothing.');
  } catch (error) {
    throw isCrash(error) ? await causeOfCrash(running, error) : error;
  } finally {
    await running.end();
  }
}

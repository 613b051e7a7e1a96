import type { InferenceEvent, InferenceRequest, ModelInfo } from '@shoal/protocol';

/** What an engine can do; what each of its models can stands in `ModelInfo.abilities`. */
export interface EngineAbilities {
  /** Generations that run at once. */
  readonly slots: number;
  /** How an answer that another worker began goes on: from its exact tokens, from its text, or not at all. */
  readonly resume: 'tokens' | 'text' | 'none';
}

/** A model that is in memory now. */
export interface ResidentModel {
  readonly id: string;
  readonly digest?: string | undefined;
  /** What it takes of this machine's memory, as measured; absent where the engine cannot tell. */
  readonly memoryBytes?: number | undefined;
  /** What computes: `cpu`, or the GPU's interface; absent where the engine cannot tell. */
  readonly device?: string | undefined;
  /** Tokens a slot. */
  readonly contextLength?: number | undefined;
  /** Requests that it works on. */
  readonly active: number;
  /** Milliseconds until it leaves memory if nobody asks; absent: it stays, or works. */
  readonly leavesInMs?: number | undefined;
}

/**
 * What turns a request into tokens.
 *
 * `generate` yields text events and then exactly one terminal event; it never throws for anything that the request or
 * the model did: that is an `error` event. The signal ends it within one token (or one piece of prompt) with a `finish`
 * whose reason is `abort`. A consumer that does not take events pauses the generation. Leaving the loop early (`return`)
 * frees everything, as the signal does.
 */
export interface Engine {
  readonly name: string;
  readonly abilities: EngineAbilities;
  /** Resolves once the engine knows its models; what is wrong with them rejects with a `ShoalError`. */
  models(): Promise<readonly ModelInfo[]>;
  generate(request: InferenceRequest, signal: AbortSignal): AsyncIterable<InferenceEvent>;
  /** What is in memory now; absent for engines that do not know. */
  resident?(): Promise<readonly ResidentModel[]>;
  /** Ends what runs with `GENERATION_ABORTED` and releases everything. Safe to call twice. */
  close(): Promise<void>;
}

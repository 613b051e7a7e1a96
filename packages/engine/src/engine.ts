import type { InferenceEvent, ModelInfo } from '@shoal/protocol';
import type { InferenceRequest } from '@shoal/protocol/request';

/** The abilities of an engine; those of its models are in `ModelInfo.abilities`. */
export interface EngineAbilities {
  /** Generations that run at the same time. */
  readonly slots: number;
  /** How an answer that another worker began is continued: from its exact tokens, from its text, or not at all. */
  readonly resume: 'tokens' | 'text' | 'none';
}

/** A model that is in memory now. */
export interface ResidentModel {
  readonly id: string;
  readonly digest?: string | undefined;
  /** Measured memory use on this machine. Undefined if the engine cannot measure it. */
  readonly memoryBytes?: number | undefined;
  /** `cpu`, or the GPU's interface. Undefined if the engine does not report it. */
  readonly device?: string | undefined;
  /** Tokens per slot. */
  readonly contextLength?: number | undefined;
  /** Requests that it is answering. */
  readonly active: number;
  /** Milliseconds until an idle model is unloaded. Undefined if it stays loaded or is answering. */
  readonly leavesInMs?: number | undefined;
}

/**
 * Turns requests into tokens.
 *
 * `generate` yields events and then exactly one terminal event. It does not throw: errors of the request and of the model are
 * `error` events. When the signal is aborted, it ends within one token (or one piece of prompt) with a `finish` whose reason
 * is `abort`. A consumer that stops reading pauses the generation. Leaving the loop early (`return`) releases everything, as
 * the signal does.
 */
export interface Engine {
  readonly name: string;
  readonly abilities: EngineAbilities;
  /** Rejects with a `ShoalError` if the models cannot be used. */
  models(): Promise<readonly ModelInfo[]>;
  generate(request: InferenceRequest, signal: AbortSignal): AsyncIterable<InferenceEvent>;
  /** The models in memory now. Undefined for engines that cannot list them. */
  resident?(): Promise<readonly ResidentModel[]>;
  /**
   * The ids of models that cannot answer now, because their process has failed and is started again. Undefined for engines that
   * have no processes.
   */
  unavailable?(): readonly string[];
  /** Ends running generations with `GENERATION_ABORTED` and releases everything. May be called twice. */
  close(): Promise<void>;
}

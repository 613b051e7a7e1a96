import type { ErrorCode, FinishReason, InferenceRequest, ModelInfo } from '@shoal/protocol';

/** How many tokens the child generates beyond those that the consumer took; then it pauses. */
export const RUN_AHEAD_TOKENS = 64;

/** What to load, and how; the first message that a child gets. */
export interface LoadOrder {
  readonly modelPath: string;
  readonly slots: number;
  /** Layers that the GPU computes: -1 as many as fit, 0 none. */
  readonly gpuLayers: number;
  readonly contextLength?: number;
  /** What an absent `contextLength` is at most. */
  readonly contextLengthMax?: number;
  readonly threads?: number;
  readonly cacheDirectory?: string;
}

export type GenerateOrder = Pick<InferenceRequest, 'input' | 'sampling' | 'stop' | 'resume'>;

/** What the child found in the file, and how it runs it. */
export interface LoadedModel extends Required<Pick<ModelInfo, 'digest' | 'contextLength'>> {
  readonly quantization?: string;
  readonly threads: number;
  /** What computes: `cpu`, or the GPU's interface. */
  readonly device: string;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export type ToChild =
  | { readonly type: 'load'; readonly order: LoadOrder }
  | { readonly type: 'generate'; readonly id: number; readonly order: GenerateOrder }
  /** The consumer took so many tokens of an answer. */
  | { readonly type: 'taken'; readonly id: number; readonly tokens: number }
  | { readonly type: 'abort'; readonly id: number };

export type FromChild =
  | { readonly type: 'loaded'; readonly model: LoadedModel }
  | { readonly type: 'refused'; readonly reason: string }
  | { readonly type: 'began'; readonly id: number; readonly promptTokens: number }
  | { readonly type: 'text'; readonly id: number; readonly text: string; readonly tokens: readonly number[] }
  | {
      readonly type: 'finish';
      readonly id: number;
      readonly reason: FinishReason;
      readonly rawReason: string;
      readonly completionTokens: number;
    }
  /** `message` is fit for a peer, `detail` for this node's log. */
  | {
      readonly type: 'failed';
      readonly id: number;
      readonly code: ErrorCode;
      readonly message: string;
      readonly detail?: string;
    }
  | { readonly type: 'log'; readonly level: LogLevel; readonly text: string };

import type {
  Ability,
  EmbeddingEvent,
  ErrorCode,
  FinishReason,
  InferenceRequest,
  TextEvent,
  ToolCallEvent,
} from '@shoal/protocol';

/** How many tokens the child generates beyond those that the consumer took; then it pauses. */
export const RUN_AHEAD_TOKENS = 64;

/** What to load, and how; the first message that a child gets. */
export interface LoadOrder {
  readonly modelPath: string;
  /** Of the whole model, where it is known already. */
  readonly digest?: string | undefined;
  /** All files in order, where there are several. */
  readonly parts?: readonly string[] | undefined;
  readonly slots: number;
  /** Layers that the GPU computes: -1 as many as fit, 0 none. */
  readonly gpuLayers: number;
  /** The folder of the package that has llama.cpp for a GPU; absent: the installed one. */
  readonly packageFolder?: string | undefined;
  readonly contextLength?: number | undefined;
  /** What an absent `contextLength` is at most. */
  readonly contextLengthMax?: number | undefined;
  readonly threads?: number | undefined;
  readonly cacheDirectory?: string | undefined;
}

/** What of a request is the child's concern. */
export type GenerateOrder = Omit<InferenceRequest, 'model' | 'deadlineMs'>;

/** What the child found in the file, and how it runs it. */
export interface LoadedModel {
  readonly digest: string;
  /** Tokens a slot. */
  readonly contextLength: number;
  readonly abilities: readonly Ability[];
  readonly quantization?: string | undefined;
  readonly threads: number;
  /** What computes: `cpu`, or the GPU's interface. */
  readonly device: string;
  /** What the process grew by when it loaded the model. */
  readonly memoryBytes: number;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export type ToChild =
  | { readonly type: 'load'; readonly order: LoadOrder }
  | { readonly type: 'generate'; readonly id: number; readonly order: GenerateOrder }
  /** The consumer took so many tokens of an answer. */
  | { readonly type: 'taken'; readonly id: number; readonly tokens: number }
  | { readonly type: 'abort'; readonly id: number };

/** A piece of an answer. */
export type AnswerEvent = TextEvent | ToolCallEvent | EmbeddingEvent;

/** What has become of one request. */
export type News =
  | { readonly type: 'began'; readonly id: number; readonly promptTokens: number; readonly cachedTokens: number }
  | { readonly type: 'said'; readonly id: number; readonly events: readonly AnswerEvent[] }
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
      readonly detail?: string | undefined;
    };

export type FromChild =
  | { readonly type: 'loaded'; readonly model: LoadedModel }
  | { readonly type: 'refused'; readonly reason: string }
  /**
   * All that one step brought, for all requests: a message costs more than what is in it. Without items: it lives. With the
   * end of an answer it tells what the model takes by now.
   */
  | { readonly type: 'news'; readonly items: readonly News[]; readonly memoryBytes?: number | undefined }
  /** Around each run of a chat template. */
  | { readonly type: 'template'; readonly is: 'running' | 'done' }
  | { readonly type: 'log'; readonly level: LogLevel; readonly text: string };

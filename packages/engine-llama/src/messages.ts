import type { Ability, EmbeddingEvent, FinishReason, ReasoningEvent, TextEvent, ToolCallEvent } from '@shoal/protocol';
import type { RenderedChat } from '@shoal/chat';
import type { InferenceRequest } from '@shoal/protocol/request';
import type { ErrorCode } from '@shoal/protocol/error';
import type { TemplateSource } from './template/messages.ts';

/** Tokens that the child generates beyond those that the consumer has taken; then it pauses. */
export const RUN_AHEAD_TOKENS = 64;

/** The file descriptor through which a child reports its work: one byte each time. */
export const HEARTBEAT_DESCRIPTOR = 4;
/** `sign`: it uses the processor or waits for a card. `progress`: it has also got on with its work. */
export const HEARTBEAT = { sign: 0, progress: 1 } as const;

/** The first message that a child gets: the model to load and how. */
export interface LoadRequest {
  readonly modelPath: string;
  /** Of the whole model. Default: computed from the file. */
  readonly digest?: string | undefined;
  /** All files of a split model, in order. */
  readonly parts?: readonly string[] | undefined;
  readonly slots: number;
  /** Layers that the GPU computes; -1: as many as fit, 0: none. */
  readonly gpuLayers: number;
  /** The folder of the package with llama.cpp for a GPU. Default: the installed package. */
  readonly packageFolder?: string | undefined;
  readonly contextLength?: number | undefined;
  /** The upper limit of the default `contextLength`. */
  readonly contextLengthMax?: number | undefined;
  readonly threads?: number | undefined;
  readonly cacheDirectory?: string | undefined;
}

/** The part of a request that concerns the child. */
export interface GenerateRequest extends Omit<InferenceRequest, 'model' | 'deadlineMs' | 'keepAliveMs'> {
  /** The prompt of messages. Undefined for other inputs, and if the model has no chat template. */
  readonly rendered?: RenderedChat | undefined;
}

/** A loaded model: the file's properties and how the child runs it. */
export interface ModelDescription {
  readonly digest: string;
  /** Tokens per slot. */
  readonly contextLength: number;
  readonly abilities: readonly Ability[];
  readonly quantization?: string | undefined;
  readonly threads: number;
  /** The device that computes: `cpu`, or the GPU's interface. */
  readonly device: string;
  /** Growth of the process when it loaded the model. */
  readonly memoryBytes: number;
  /** True if the process cannot use a network. */
  readonly isOffline: boolean;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export type ToChild =
  | { readonly type: 'load'; readonly request: LoadRequest }
  | { readonly type: 'generate'; readonly id: number; readonly request: GenerateRequest }
  /** The consumer has taken this number of tokens. */
  | { readonly type: 'ack'; readonly id: number; readonly tokens: number }
  | { readonly type: 'abort'; readonly id: number };

/** A piece of an answer. */
export type OutputEvent = TextEvent | ReasoningEvent | ToolCallEvent | EmbeddingEvent;

/** An event of one request. */
export type RequestEvent =
  | { readonly type: 'started'; readonly id: number; readonly promptTokens: number; readonly cachedTokens: number }
  | { readonly type: 'output'; readonly id: number; readonly events: readonly OutputEvent[] }
  | {
      readonly type: 'finish';
      readonly id: number;
      readonly reason: FinishReason;
      readonly rawReason: string;
      readonly completionTokens: number;
    }
  /** `message` may be sent to a peer; `detail` is for this node's log. */
  | {
      readonly type: 'failed';
      readonly id: number;
      readonly code: ErrorCode;
      readonly message: string;
      readonly detail?: string | undefined;
    };

export type FromChild =
  /** `template`: undefined if the model has none, or answers no messages. The abilities are those without it. */
  | { readonly type: 'loaded'; readonly model: ModelDescription; readonly template?: TemplateSource | undefined }
  | { readonly type: 'refused'; readonly reason: string }
  /**
   * The events of one step, of all requests: a message costs more than its contents. With the end of an answer it has the
   * memory that the model takes now.
   */
  | { readonly type: 'events'; readonly items: readonly RequestEvent[]; readonly memoryBytes?: number | undefined }
  | { readonly type: 'log'; readonly level: LogLevel; readonly text: string };

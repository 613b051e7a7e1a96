import type { Chat, RenderedChat, TemplateTokens } from '@shoal/chat';
import type { ErrorCode } from '@shoal/protocol/error';

/** A model's chat template, with the tokens that it may write. */
export interface TemplateSource {
  readonly text: string;
  readonly tokens: TemplateTokens;
}

/** Each message is answered before the next one is sent. */
export type ToTemplate =
  | { readonly type: 'compile'; readonly source: TemplateSource }
  | { readonly type: 'render'; readonly chat: Chat };

export type FromTemplate =
  /** `reasons`: the template supports reasoning. */
  | { readonly type: 'compiled'; readonly reasons: boolean }
  | { readonly type: 'rendered'; readonly chat: RenderedChat }
  | { readonly type: 'refused'; readonly code: ErrorCode; readonly message: string };

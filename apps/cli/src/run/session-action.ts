import type { InferenceRequest } from '@shoal/protocol/request';

/** An effect of a line, which the caller carries out. */
export type SessionAction =
  | { readonly type: 'print'; readonly lines: readonly string[] }
  | { readonly type: 'generate'; readonly request: InferenceRequest }
  | { readonly type: 'show'; readonly what: 'info' | 'license' | 'template' }
  | { readonly type: 'load'; readonly model: string }
  | { readonly type: 'reload'; readonly contextLength: number }
  | { readonly type: 'save'; readonly name: string }
  | { readonly type: 'exit' };

export function printLines(...lines: readonly string[]): SessionAction {
  return { type: 'print', lines };
}

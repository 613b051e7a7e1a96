import type { InferenceRequest } from '@shoal/protocol';

/** What is to be done after a line. */
export type Action =
  | { readonly type: 'say'; readonly lines: readonly string[] }
  | { readonly type: 'ask'; readonly request: InferenceRequest }
  | { readonly type: 'show'; readonly what: 'info' | 'license' | 'template' }
  | { readonly type: 'load'; readonly model: string }
  | { readonly type: 'reload'; readonly contextLength: number }
  | { readonly type: 'save'; readonly name: string }
  | { readonly type: 'leave' };

export function say(...lines: readonly string[]): Action {
  return { type: 'say', lines };
}

import type { IncomingHttpHeaders } from 'node:http';
import { writeError as writeAnthropicError } from '@shoal/formats/anthropic';
import type { WriteError } from '@shoal/formats/call';
import { writeError as writeOllamaError } from '@shoal/formats/ollama';
import { writeError as writeOpenAiError } from '@shoal/formats/openai';
import { errorView } from './http-error.ts';

/** The APIs that share the node's port. `shoal` is its own one, for control. */
export type ApiName = 'openai' | 'anthropic' | 'ollama' | 'shoal';

const writeShoalError: WriteError = (error, status) => ({ status, body: { error: errorView(error) } });

/** Writes the errors of each API. */
export const WRITE_ERROR: Readonly<Record<ApiName, WriteError>> = {
  openai: writeOpenAiError,
  anthropic: writeAnthropicError,
  ollama: writeOllamaError,
  shoal: writeShoalError,
};

/** Returns the API of a request, which decides the form of its errors, also for paths that do not exist. */
export function apiNameOf(url: string, headers: IncomingHttpHeaders): ApiName {
  if (url === '/' || url.startsWith('/api/')) return 'ollama';
  if (url.startsWith('/v1/messages')) return 'anthropic';
  if (!url.startsWith('/v1/')) return 'shoal';
  return isAnthropic(headers) ? 'anthropic' : 'openai';
}

/** Both APIs have `/v1/models`. Programs of Anthropic's API tell its version. */
export function isAnthropic(headers: IncomingHttpHeaders): boolean {
  return headers['anthropic-version'] !== undefined;
}

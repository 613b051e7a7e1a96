import * as formats from '@shoal/formats/ollama';
import { ShoalError } from '@shoal/protocol/error';

export const failures = {
  /** Shown to the machine's owner if the connection is refused. */
  notFound: (address: URL, cause: unknown) =>
    new ShoalError(
      'OLLAMA_NOT_FOUND',
      `No Ollama answers at ${address.href}. Start it with "ollama serve", or get it from https://ollama.com/download; ` +
        'if it runs elsewhere, give its address (OLLAMA_HOST).',
      { cause },
    ),
  /** Shown to the machine's owner if another kind of server answers. */
  notOllama: (address: URL, cause: unknown) =>
    new ShoalError(
      'OLLAMA_NOT_FOUND',
      `The server at ${address.href} is not Ollama. Give the address of Ollama (OLLAMA_HOST).`,
      {
        cause,
      },
    ),
  modelMissing: (model: string, existing: readonly string[]) =>
    new ShoalError(
      'OLLAMA_MODEL_NOT_AVAILABLE',
      `Ollama has no usable model "${model}". Get it with "ollama pull ${model}"; ${listing(existing)}.`,
    ),
  noModels: () =>
    new ShoalError(
      'OLLAMA_MODEL_NOT_AVAILABLE',
      'Ollama has no usable model yet. Get one, for example with "ollama pull llama3.2".',
    ),
  silent: (ms: number) =>
    new ShoalError('TIMEOUT_NO_RESPONSE', `Ollama sent nothing for ${ms / 1_000} s. The request was ended.`),
  brokenOff: formats.failures.brokenOff,
  unreadable: formats.failures.unreadable,
};

/** Converts an error for a peer. Only the owner gets Ollama's address. */
export function forPeer(error: ShoalError): ShoalError {
  if (error.code !== 'OLLAMA_NOT_FOUND') return error;
  return new ShoalError(
    'OLLAMA_NOT_FOUND',
    'Ollama does not run on the lending machine. Its owner can start it with "ollama serve".',
    {
      cause: error,
    },
  );
}

function listing(existing: readonly string[]): string {
  return existing.length === 0 ? 'there are no others' : `there are: ${existing.join(', ')}`;
}

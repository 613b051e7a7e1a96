import * as formats from '@shoal/formats/ollama';
import { ShoalError } from '@shoal/protocol';

export const failures = {
  /** For whoever owns the machine: nobody listens there. */
  notFound: (address: URL, cause: unknown) =>
    new ShoalError(
      'OLLAMA_NOT_FOUND',
      `No Ollama answers at ${address.href}. Start it with "ollama serve", or get it from https://ollama.com/download; ` +
        'if it runs elsewhere, say where (OLLAMA_HOST).',
      { cause },
    ),
  /** For whoever owns the machine: something listens there, and it speaks otherwise. */
  notOllama: (address: URL, cause: unknown) =>
    new ShoalError(
      'OLLAMA_NOT_FOUND',
      `What answers at ${address.href} is not Ollama. Say where Ollama is (OLLAMA_HOST).`,
      {
        cause,
      },
    ),
  modelMissing: (model: string, existing: readonly string[]) =>
    new ShoalError(
      'OLLAMA_MODEL_NOT_AVAILABLE',
      `Ollama has no model "${model}" that answers. Get it with "ollama pull ${model}"; ${listing(existing)}.`,
    ),
  noModels: () =>
    new ShoalError(
      'OLLAMA_MODEL_NOT_AVAILABLE',
      'Ollama has no model that answers yet. Get one, for example with "ollama pull llama3.2".',
    ),
  silent: (ms: number) =>
    new ShoalError('TIMEOUT_NO_RESPONSE', `Ollama said nothing for ${ms / 1_000} s, and the request was ended.`),
  brokenOff: formats.failures.brokenOff,
  unreadable: formats.failures.unreadable,
};

/** What is wrong with Ollama is told to its owner in full: a peer hears no address. */
export function forPeer(error: ShoalError): ShoalError {
  if (error.code !== 'OLLAMA_NOT_FOUND') return error;
  return new ShoalError(
    'OLLAMA_NOT_FOUND',
    'Ollama does not run on the lending machine. Its owner starts it with "ollama serve".',
    {
      cause: error,
    },
  );
}

function listing(existing: readonly string[]): string {
  return existing.length === 0 ? 'there are no others' : `there are: ${existing.join(', ')}`;
}

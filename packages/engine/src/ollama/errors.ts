import { ShoalError } from '@shoal/protocol';

/** Ollama's word for a prompt that does not fit (runner: `errorInputTooLong`). */
const TOO_LONG = /exceeds? the (available )?context/;

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
  brokenOff: (cause: unknown) => ShoalError.generationFailed('Ollama broke the answer off before its end.', cause),
  unreadable: (cause: unknown) => ShoalError.generationFailed('Ollama answered with what cannot be read.', cause),
  noLogprobs: () =>
    ShoalError.generationFailed(
      'This Ollama tells no log probabilities; 0.12.11 and later versions do.',
      'There were none.',
    ),
};

/** What Ollama's own error means. Its text can name files and addresses: it stays at home. */
export function refused(status: number, text: string, model: string): ShoalError {
  const cause = `Ollama said ${status}: ${text}`;
  if (TOO_LONG.test(text)) {
    return new ShoalError('CONTEXT_EXCEEDED', 'The prompt is longer than the context of the model.', { cause });
  }
  switch (status) {
    case 400:
      return new ShoalError('INVALID_REQUEST', `Ollama does not take this request for the model "${model}".`, {
        cause,
      });
    case 404:
      return new ShoalError(
        'OLLAMA_MODEL_NOT_AVAILABLE',
        `Ollama no longer has the model "${model}". Its owner gets it back with "ollama pull ${model}".`,
        { cause },
      );
    case 429:
    case 503:
      return new ShoalError('OVERLOADED', 'Ollama has as many requests as it takes. Try again in a moment.', { cause });
    default:
      return ShoalError.generationFailed('Ollama could not answer; the log of the lending node has the reason.', cause);
  }
}

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

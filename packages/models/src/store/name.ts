import { ShoalError } from '@shoal/protocol/error';

const DEFAULT_TAG = 'latest';
/** Characters of a whole name. Hugging Face allows 96 each for owner and repository. */
const NAME_LENGTH_MAX = 320;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*(?:\/[A-Za-z0-9][A-Za-z0-9._-]*){0,3}:[A-Za-z0-9_][A-Za-z0-9._-]*$/;

/**
 * Parses a model's name and adds the default tag, as Ollama does: `llama3.2` becomes `llama3.2:latest`. Up to three more
 * parts may come first, as in `hf.co/owner/repo:Q4_K_M`. Throws `INVALID_REQUEST`. A name never becomes a path.
 */
export function parseName(text: string): string {
  const name = text.slice(text.lastIndexOf('/') + 1).includes(':') ? text : `${text}:${DEFAULT_TAG}`;
  if (name.length > NAME_LENGTH_MAX || !NAME.test(name) || name.toLowerCase().startsWith('sha256:')) {
    throw ShoalError.invalidRequest(
      'That is not a valid model name. Use a name like llama3.2:1b or hf.co/owner/repo:Q4_K_M: letters, digits, dots, dashes ' +
        `and underscores, at most four parts and a tag, ${NAME_LENGTH_MAX} characters in all.`,
    );
  }
  return name;
}

/** The key for comparing names, which ignore case. */
export function nameKey(name: string): string {
  return name.toLowerCase();
}

/** Turns any text, such as a file name, into a valid part of a name. */
export function nameFrom(text: string): string {
  const cleaned = text
    .replace(/\.gguf$/i, '')
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, NAME_LENGTH_MAX / 4);
  return cleaned === '' ? 'model' : cleaned;
}

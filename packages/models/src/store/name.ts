import { ShoalError } from '@shoal/protocol';

const DEFAULT_TAG = 'latest';
/** Of a whole name. Hugging Face allows 96 characters each for owner and repository. */
const NAME_LENGTH_MAX = 320;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*(?:\/[A-Za-z0-9][A-Za-z0-9._-]*){0,3}:[A-Za-z0-9_][A-Za-z0-9._-]*$/;

/**
 * A model's name with its tag, as Ollama writes them: `llama3.2` is `llama3.2:latest`, and there may be up to three parts
 * before it, as in `hf.co/owner/repo:Q4_K_M`. Throws `INVALID_REQUEST` for anything else. A name never becomes a path.
 */
export function parseName(text: string): string {
  const name = text.slice(text.lastIndexOf('/') + 1).includes(':') ? text : `${text}:${DEFAULT_TAG}`;
  if (name.length > NAME_LENGTH_MAX || !NAME.test(name) || name.toLowerCase().startsWith('sha256:')) {
    throw ShoalError.invalidRequest(
      'That cannot name a model. Names are like llama3.2:1b or hf.co/owner/repo:Q4_K_M: letters, digits, dots, dashes ' +
        `and underscores, at most four parts and a tag, ${NAME_LENGTH_MAX} characters in all.`,
    );
  }
  return name;
}

/** The same for names that are the same: upper and lower case make no difference. */
export function nameKey(name: string): string {
  return name.toLowerCase();
}

/** What a part of a name may hold, made from any text, such as a file's name. */
export function nameFrom(text: string): string {
  const cleaned = text
    .replace(/\.gguf$/i, '')
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, NAME_LENGTH_MAX / 4);
  return cleaned === '' ? 'model' : cleaned;
}

import { ShoalError } from '@shoal/protocol/error';
import type { Wait } from '../download/backoff.ts';
import { HuggingFace } from './hugging-face.ts';
import { Link } from './link.ts';
import { LocalPath } from './local.ts';
import { OllamaRegistry } from './ollama.ts';
import type { Hubs, Source } from './source.ts';

/** Ollama's users write the first two. Names in the store begin with `hf.co/`. */
const HUGGING_FACE_PREFIXES = ['hf.co/', 'huggingface.co/', 'hf:'];

/**
 * Parses the source of a pull: `hf:OWNER/REPO[:QUANTISATION or FILE.gguf]` (or `hf.co/…`), an `https:` link or `file:PATH`.
 * Anything else is a name of Ollama's registry, such as `llama3.2:1b`. Throws `INVALID_REQUEST`.
 */
export function parseSource(text: string, hubs: Hubs, wait?: Wait): Source {
  const lower = text.toLowerCase();
  const prefix = HUGGING_FACE_PREFIXES.find((each) => lower.startsWith(each));
  if (prefix !== undefined) return new HuggingFace(text.slice(prefix.length).replace(/:latest$/, ''), hubs, wait);
  if (lower.startsWith('https:') || lower.startsWith('http:')) {
    const url = URL.parse(text);
    if (url === null) throw ShoalError.invalidRequest('That link is not a valid URL.');
    return new Link(url);
  }
  if (lower.startsWith('file:')) return new LocalPath(text);
  return new OllamaRegistry(text, hubs, wait);
}

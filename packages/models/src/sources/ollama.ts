import { ShoalError } from '@shoal/protocol/error';
import { isDigest } from '@shoal/files/digest';
import type { HttpClient } from '../download/http.ts';
import type { Wait } from '../download/backoff.ts';
import { parseName } from '../store/name.ts';
import { urlBelow, countOf, fetchJson, itemsOf, objectOf } from './document.ts';
import type { SourceModel, Hubs, Source } from './source.ts';

const MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
const MODEL_LAYER = 'application/vnd.ollama.image.model';
const ADAPTER_LAYER = 'application/vnd.ollama.image.adapter';
/** The owner in paths of models without an owner. */
export const LIBRARY = 'library';

/** `MODEL[:TAG]` or `OWNER/MODEL[:TAG]` of Ollama's registry, or another OCI registry with a GGUF layer. */
export class OllamaRegistry implements Source {
  readonly #hubs: Hubs;
  readonly #wait: Wait | undefined;
  readonly #name: string;

  constructor(text: string, hubs: Hubs, wait?: Wait) {
    this.#name = parseName(text);
    this.#hubs = hubs;
    this.#wait = wait;
    if (this.#name.split('/').length > 2) {
      throw ShoalError.invalidRequest(
        `"${this.#name}" is not a name of Ollama's registry. Pull MODEL:TAG, OWNER/MODEL:TAG, hf:OWNER/REPO, an https link or file:PATH.`,
      );
    }
  }

  async find(http: HttpClient, signal: AbortSignal | undefined): Promise<SourceModel> {
    const colon = this.#name.lastIndexOf(':');
    const [path, tag] = [this.#name.slice(0, colon), this.#name.slice(colon + 1)];
    const repository = path.includes('/') ? path : `${LIBRARY}/${path}`;
    const url = urlBelow(this.#hubs.ollama, `v2/${repository}/manifests/${tag}`);
    const options = {
      headers: { accept: MANIFEST },
      ...(signal && { signal }),
      ...(this.#wait && { wait: this.#wait }),
    };
    const { value } = await fetchJson(http, url, options, this.#name);
    const { digest, bytes } = modelLayer(value, this.#name);
    const blob = urlBelow(this.#hubs.ollama, `v2/${repository}/blobs/${digest}`);
    return { name: this.#name, source: this.#name, files: [{ url: blob, label: this.#name, bytes, digest }] };
  }
}

/** Finds the GGUF layer of a manifest. Throws `INVALID_REQUEST` for a model with an adapter, `BAD_MESSAGE` without a layer. */
export function modelLayer(manifest: unknown, name: string) {
  const layers = itemsOf(objectOf(manifest)['layers']).map(objectOf);
  if (layers.some(({ mediaType }) => mediaType === ADAPTER_LAYER)) {
    throw ShoalError.invalidRequest(`${name} is a model with an adapter, which Shoal cannot load.`);
  }
  const models = layers.filter(({ mediaType }) => mediaType === MODEL_LAYER);
  const digest = models[0]?.['digest'];
  const bytes = countOf(models[0]?.['size']);
  if (models.length !== 1 || !isDigest(digest) || bytes === undefined) {
    throw new ShoalError('BAD_MESSAGE', `${name} has no single GGUF file that Shoal could load.`);
  }
  return { digest, bytes };
}

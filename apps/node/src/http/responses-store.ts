import type { StoredResponse } from '@shoal/formats/openai/responses';

/** Stored responses of all callers together. The oldest is dropped for a new one. */
const MAX_RESPONSES = 1_024;
/** UTF-16 units of all stored responses as JSON. A conversation is stored again with each of its responses. */
const MAX_STORED_LENGTH = 32 * 1024 * 1024;

interface Entry {
  readonly owner: string;
  readonly stored: StoredResponse;
  readonly length: number;
}

/** Responses that later calls may continue or read, in memory. Only the owner of a response finds it. */
export class ResponsesStore {
  readonly #entries = new Map<string, Entry>();
  #length = 0;

  /** `owner` is the caller's token id, or a name for callers without a token. */
  add(owner: string, stored: StoredResponse): void {
    const { length } = JSON.stringify(stored);
    if (length > MAX_STORED_LENGTH) return;
    this.#entries.set(stored.id, { owner, stored, length });
    this.#length += length;
    for (const [id, entry] of this.#entries) {
      if (this.#entries.size <= MAX_RESPONSES && this.#length <= MAX_STORED_LENGTH) break;
      this.#drop(id, entry);
    }
  }

  find(owner: string, id: string): StoredResponse | undefined {
    const entry = this.#entries.get(id);
    return entry?.owner === owner ? entry.stored : undefined;
  }

  /** Returns false if the owner has no such response. */
  remove(owner: string, id: string): boolean {
    const entry = this.#entries.get(id);
    if (entry?.owner !== owner) return false;
    this.#drop(id, entry);
    return true;
  }

  #drop(id: string, { length }: Entry): void {
    this.#entries.delete(id);
    this.#length -= length;
  }
}

import { createParser, type EventSourceParser } from 'eventsource-parser';

/** All lines of one event together. A token with its log probabilities takes some KiB, a tool call rarely more. */
const MAX_EVENT_BYTES = 1024 * 1024;

/**
 * Reads the data of server-sent events from bytes that may be cut anywhere
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html). Other fields and comments are skipped.
 * Needs the global `TextDecoder`.
 */
export class EventStream {
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  readonly #parser: EventSourceParser;
  #events: string[] = [];
  /** Bytes since the last event or comment ended: the parser limits what it stores, not lines that it skips. */
  #unfinishedBytes = 0;
  #isTooLong = false;

  constructor() {
    this.#parser = createParser({
      maxBufferSize: MAX_EVENT_BYTES,
      onEvent: ({ data }) => {
        this.#unfinishedBytes = 0;
        this.#events.push(data);
      },
      onComment: () => {
        this.#unfinishedBytes = 0;
      },
      onError: ({ type }) => {
        this.#isTooLong ||= type === 'max-buffer-size-exceeded';
      },
    });
  }

  /** Calls `emit` with the data of each event that these bytes complete. Returns a fault, after which the stream is over. */
  push(bytes: Uint8Array, emit: (data: string) => void): string | undefined {
    if (!this.#isTooLong) {
      this.#unfinishedBytes += bytes.length;
      this.#parser.feed(this.#decoder.decode(bytes, { stream: true }));
      this.#isTooLong ||= this.#unfinishedBytes > MAX_EVENT_BYTES;
    }
    for (const data of this.#events.splice(0)) emit(data);
    return this.#isTooLong ? `An event has more than ${MAX_EVENT_BYTES} bytes.` : undefined;
  }
}

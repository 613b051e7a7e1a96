const [CARRIAGE_RETURN, LINE_FEED, COLON, SPACE] = [0x0d, 0x0a, 0x3a, 0x20];
const BYTE_ORDER_MARK = Buffer.from('\uFEFF');
const DATA = 'data';
/** All lines of an event together. A token with its log probabilities takes some KiB, a tool call rarely more. */
const MAX_EVENT_BYTES = 1024 * 1024;
/** Pieces of a line that are kept apart: one of a byte each would cost a hundred times its size. */
const MAX_PIECES = 256;
const TOO_LONG = `An event has more than ${MAX_EVENT_BYTES} bytes.`;

/**
 * Takes server-sent events apart (https://html.spec.whatwg.org/multipage/server-sent-events.html), however the bytes are cut:
 * lines that end with CR, LF or both, comments, data over several lines. Only the data of events is kept, since the servers
 * that are read with it say nothing in the other fields.
 */
export class EventStream {
  /** The line that has begun. */
  #pieces: Uint8Array[] = [];
  #lineBytes = 0;
  #data: string[] = [];
  #eventBytes = 0;
  #isFirstLine = true;
  #endedWithReturn = false;

  /** Hands out the data of each event that is complete with these bytes; answers with what is wrong, after which it is over. */
  push(bytes: Uint8Array, take: (data: string) => void): string | undefined {
    let start = 0;
    // The second half of a line's end that was cut in two.
    if (this.#endedWithReturn && bytes[0] === LINE_FEED) start = 1;
    if (bytes.length > 0) this.#endedWithReturn = false;
    for (let at = start; at < bytes.length; at++) {
      const byte = bytes[at];
      if (byte !== LINE_FEED && byte !== CARRIAGE_RETURN) continue;
      if (!this.#add(bytes.subarray(start, at))) return TOO_LONG;
      this.#endLine(take);
      if (byte === CARRIAGE_RETURN && at + 1 === bytes.length) this.#endedWithReturn = true;
      if (byte === CARRIAGE_RETURN && bytes[at + 1] === LINE_FEED) at++;
      start = at + 1;
    }
    return this.#add(bytes.subarray(start)) ? undefined : TOO_LONG;
  }

  /** False where the event would be too long; nothing is kept then. */
  #add(piece: Uint8Array): boolean {
    if (this.#eventBytes + piece.length > MAX_EVENT_BYTES) return false;
    if (piece.length > 0) this.#pieces.push(new Uint8Array(piece));
    if (this.#pieces.length > MAX_PIECES) this.#pieces = [Buffer.concat(this.#pieces)];
    this.#lineBytes += piece.length;
    this.#eventBytes += piece.length;
    return true;
  }

  #endLine(take: (data: string) => void): void {
    const line = withoutMark(Buffer.concat(this.#pieces, this.#lineBytes), this.#isFirstLine);
    this.#pieces = [];
    this.#lineBytes = 0;
    this.#isFirstLine = false;
    if (line.length > 0) return this.#field(line);
    const data = this.#data;
    this.#data = [];
    this.#eventBytes = 0;
    if (data.length > 0) take(data.join('\n'));
  }

  /** A line is `name: value`, with or without the space; without a name it is a comment, without a colon all name. */
  #field(line: Buffer): void {
    const colon = line.indexOf(COLON);
    const name = colon === -1 ? line : line.subarray(0, colon);
    if (name.toString() !== DATA) {
      this.#eventBytes -= line.length;
      return;
    }
    const from = line[colon + 1] === SPACE ? colon + 2 : colon + 1;
    this.#data.push(colon === -1 ? '' : line.toString('utf8', from));
  }
}

function withoutMark(line: Buffer, isFirst: boolean): Buffer {
  const hasMark = isFirst && line.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK);
  return hasMark ? line.subarray(BYTE_ORDER_MARK.length) : line;
}

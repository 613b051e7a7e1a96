import { END, lineOf } from '../../server-sent-events.ts';

/** Writes the server-sent events of one stream with numbers from 0. */
export class EventWriter {
  #next = 0;

  write(type: string, fields: object): string {
    return this.writeJson(type, lineOf(fields));
  }

  /** `fields` is the JSON text of an object that is not empty. */
  writeJson(type: string, fields: string): string {
    return `${start(type)},"sequence_number":${this.#next++},${fields.slice(1)}${END}`;
  }

  /** Returns a function that writes events which differ in `delta` alone. Most events of a stream are of this kind. */
  deltas(type: string, fields: object): (delta: string) => string {
    const beforeNumber = `${start(type)},${lineOf(fields).slice(1, -1)},"sequence_number":`;
    return (delta) => `${beforeNumber}${this.#next++},"delta":${lineOf(delta)}}${END}`;
  }
}

function start(type: string): string {
  return `event: ${type}\ndata: {"type":"${type}"`;
}

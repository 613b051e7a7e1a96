import { Writable } from 'node:stream';

/** What is typed shows up on stdout, but not in the middle of an answer. */
export class Echo extends Writable {
  isMuted = false;

  get columns(): number {
    return process.stdout.columns;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (!this.isMuted) process.stdout.write(chunk);
    done();
  }
}

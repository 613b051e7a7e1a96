import { Writable } from 'node:stream';

/** The output of readline: stdout, except while an answer is written. */
export class MutedOutput extends Writable {
  isMuted = false;

  get columns(): number {
    return process.stdout.columns;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (!this.isMuted) process.stdout.write(chunk);
    done();
  }
}

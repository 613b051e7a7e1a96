import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { isBusy } from '@shoal/files/file-lock';
import { ShoalError } from '@shoal/protocol';
import { writeError } from './write-error.ts';

/** What a batch is: another input, or another file of errors, is another batch. */
export interface BatchIdentity {
  /** SHA-256 of the input in hex. */
  readonly digest: string;
  readonly errorsPath: string;
}

/** A result that waits for those before it. */
export interface Held {
  readonly line: number;
  readonly isFailure: boolean;
  readonly record: string;
}

/**
 * The file beside the output that makes a batch one that can be gone on with: which input it is of, and the results that
 * came before their turn. It is a SQLite file, because each change of it is whole or not there after a crash, and because
 * the system takes its lock back from a process that dies, however it dies.
 */
export class BatchState {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #hold: StatementSync;
  readonly #take: StatementSync;
  readonly #notice: StatementSync;

  /** Throws `INVALID_REQUEST` where another process has it. */
  static open(path: string): BatchState {
    let database: DatabaseSync | undefined;
    try {
      database = new DatabaseSync(path, { timeout: 0 });
      // The lock is held until it is closed. The ids that were seen go to a file of their own, which no one else sees.
      database.exec(`
        PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA temp_store = FILE;
        BEGIN EXCLUSIVE;
        CREATE TABLE IF NOT EXISTS batch (token TEXT NOT NULL, digest TEXT NOT NULL, errors TEXT NOT NULL);
        CREATE TABLE IF NOT EXISTS held (line INTEGER PRIMARY KEY, failure INTEGER NOT NULL, record TEXT NOT NULL);
        COMMIT;
        CREATE TEMP TABLE seen (id TEXT PRIMARY KEY) WITHOUT ROWID`);
      return new BatchState(path, database);
    } catch (error) {
      database?.close();
      const why = isBusy(error)
        ? 'Another run writes to this output; wait for its end, or give this one another --output.'
        : `${path} cannot be used; delete it, or give another --output.`;
      throw new ShoalError('INVALID_REQUEST', why, { cause: error });
    }
  }

  private constructor(path: string, database: DatabaseSync) {
    this.#path = path;
    this.#database = database;
    this.#hold = database.prepare('INSERT OR REPLACE INTO held VALUES (?, ?, ?)');
    this.#take = database.prepare('SELECT line, failure, record FROM held WHERE line = ?');
    this.#notice = database.prepare('INSERT OR IGNORE INTO seen VALUES (?)');
  }

  /** What was begun here, under the token that its records carry; undefined for a new file. */
  get begun(): (BatchIdentity & { readonly token: string }) | undefined {
    const row = this.#database.prepare('SELECT token, digest, errors FROM batch').get();
    if (row === undefined) return undefined;
    return { token: String(row['token']), digest: String(row['digest']), errorsPath: String(row['errors']) };
  }

  /** Forgets what was begun, and begins this. Returns the token. */
  begin({ digest, errorsPath }: BatchIdentity): string {
    const token = randomBytes(6).toString('hex');
    this.#write(() => {
      this.#database.exec('BEGIN; DELETE FROM batch; DELETE FROM held');
      this.#database.prepare('INSERT INTO batch VALUES (?, ?, ?)').run(token, digest, errorsPath);
      this.#database.exec('COMMIT');
    });
    return token;
  }

  /** Throws `STORAGE_FULL` or `INTERNAL`, and then nothing is held. */
  hold({ line, isFailure, record }: Held): void {
    this.#write(() => this.#hold.run(line, isFailure ? 1 : 0, record));
  }

  held(line: number): Held | undefined {
    const row = this.#take.get(line);
    if (row === undefined) return undefined;
    return { line, isFailure: row['failure'] === 1, record: String(row['record']) };
  }

  /** The lines of what is held, in order. */
  heldLines(): { readonly line: number; readonly isFailure: boolean }[] {
    const rows = this.#database.prepare('SELECT line, failure FROM held ORDER BY line').all();
    return rows.map((row) => ({ line: Number(row['line']), isFailure: row['failure'] === 1 }));
  }

  release(line: number): void {
    this.#write(() => this.#database.prepare('DELETE FROM held WHERE line = ?').run(line));
  }

  /** Whether this run meets a custom_id for the first time. */
  isNew(customId: string): boolean {
    return this.#notice.run(customId).changes === 1;
  }

  close(): void {
    this.#database.close();
  }

  /** Closes it, and forgets all that it knows. */
  async remove(): Promise<void> {
    this.close();
    await rm(this.#path, { force: true });
  }

  #write(change: () => unknown): void {
    try {
      change();
    } catch (error) {
      throw writeError(this.#path, error);
    }
  }
}

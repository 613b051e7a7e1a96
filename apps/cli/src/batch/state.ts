import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { isBusy } from '@shoal/files/file-lock';
import { ShoalError } from '@shoal/protocol/error';
import { writeError } from './write-error.ts';

/** The identity of a batch: another input or another file of errors is another batch. */
export interface BatchIdentity {
  /** SHA-256 of the input in hex. */
  readonly digest: string;
  readonly errorsPath: string;
}

/** A result that waits for the results before it. */
export interface HeldResult {
  readonly line: number;
  readonly isFailure: boolean;
  readonly record: string;
}

/**
 * The file that makes it possible to continue a batch: the identity of its input, and results that wait for earlier ones. It
 * is a SQLite file, because its changes are atomic, and because the system releases its lock when a process ends.
 */
export class BatchState {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #hold: StatementSync;
  readonly #take: StatementSync;
  readonly #notice: StatementSync;

  /** Throws `INVALID_REQUEST` if another process uses it. */
  static open(path: string): BatchState {
    let database: DatabaseSync | undefined;
    try {
      database = new DatabaseSync(path, { timeout: 0 });
      // The lock is held until the database is closed. Seen ids are stored in a private temporary file.
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

  /** The batch of this file, and the token in the ids of its records. Undefined for a new file. */
  get begun(): (BatchIdentity & { readonly token: string }) | undefined {
    const row = this.#database.prepare('SELECT token, digest, errors FROM batch').get();
    if (row === undefined) return undefined;
    return { token: String(row['token']), digest: String(row['digest']), errorsPath: String(row['errors']) };
  }

  /** Replaces the batch of this file. Returns the new token. */
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
  hold({ line, isFailure, record }: HeldResult): void {
    this.#write(() => this.#hold.run(line, isFailure ? 1 : 0, record));
  }

  held(line: number): HeldResult | undefined {
    const row = this.#take.get(line);
    if (row === undefined) return undefined;
    return { line, isFailure: row['failure'] === 1, record: String(row['record']) };
  }

  /** The lines of the held results, in order. */
  heldLines(): { readonly line: number; readonly isFailure: boolean }[] {
    const rows = this.#database.prepare('SELECT line, failure FROM held ORDER BY line').all();
    return rows.map((row) => ({ line: Number(row['line']), isFailure: row['failure'] === 1 }));
  }

  release(line: number): void {
    this.#write(() => this.#database.prepare('DELETE FROM held WHERE line = ?').run(line));
  }

  /** True the first time that a custom_id is used in this run. */
  isNew(customId: string): boolean {
    return this.#notice.run(customId).changes === 1;
  }

  close(): void {
    this.#database.close();
  }

  /** Closes and deletes the file. */
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

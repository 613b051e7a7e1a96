/** How long a test waits for anything at all: far longer than it takes, because a machine may be slow. */
const PATIENCE_MS = 30_000;

/** Something that changes, and those who wait for a change. */
export class Watched {
  readonly #looks = new Set<() => void>();

  changed(): void {
    for (const look of this.#looks) look();
  }

  /** What `read` finds, now or after a change. Rejects with what `read` throws, and with `describe()` where it finds nothing in time. */
  until<Found>(read: () => Found | undefined, describe: () => string): Promise<Found> {
    return new Promise((resolve, reject) => {
      const settle = (settled: () => void): void => {
        clearTimeout(timer);
        this.#looks.delete(look);
        settled();
      };
      const look = (): void => {
        try {
          const found = read();
          if (found !== undefined) settle(() => resolve(found));
        } catch (error) {
          settle(() => reject(error instanceof Error ? error : new Error(String(error))));
        }
      };
      const timer = setTimeout(() => {
        settle(() => reject(new Error(`Waited ${PATIENCE_MS / 1_000} s for ${describe()}`)));
      }, PATIENCE_MS);
      this.#looks.add(look);
      look();
    });
  }
}

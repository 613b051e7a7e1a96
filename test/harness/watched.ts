/** The timeout of every wait in a test, much longer than needed because a machine may be slow. */
const TIMEOUT_MS = 30_000;

/** A value that changes, and the callers that wait for a change. */
export class Watched {
  readonly #looks = new Set<() => void>();

  changed(): void {
    for (const look of this.#looks) look();
  }

  /**
   * Resolves with the first value that `read` returns, now or after a change. Rejects with the error of `read`, or with
   * `describe()` after the timeout.
   */
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
        settle(() => reject(new Error(`Waited ${TIMEOUT_MS / 1_000} s for ${describe()}`)));
      }, TIMEOUT_MS);
      this.#looks.add(look);
      look();
    });
  }
}

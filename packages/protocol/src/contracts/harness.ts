/** What a contract suite needs of its runner, so that the same cases run under node:test, in Bare and in a browser. */
export interface Harness {
  readonly test: (name: string, run: () => void) => void;
  /** A case that does not concern this implementation, and why. */
  readonly skip: (name: string, why: string) => void;
  /** Fails unless the two are the same, compared by value. */
  readonly equal: (actual: unknown, expected: unknown) => void;
}

/** What a contract suite needs of its runner, so that the same cases run under node:test, in Bare and in a browser. */
export interface Harness {
  readonly test: (name: string, run: () => void) => void;
  /** Fails unless the two are the same, compared by value. */
  readonly equal: (actual: unknown, expected: unknown) => void;
}

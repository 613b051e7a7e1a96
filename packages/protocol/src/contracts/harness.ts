/** The functions of a test runner that contract suites use, so that they run in node:test, Bare and browsers. */
export interface Harness {
  readonly test: (name: string, run: () => void) => void;
  /** Skips a case that does not apply to this implementation, with the reason. */
  readonly skip: (name: string, reason: string) => void;
  /** Fails unless both values are deeply equal. */
  readonly equal: (actual: unknown, expected: unknown) => void;
}

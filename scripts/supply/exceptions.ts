/** A finding that is accepted. */
export interface Exception {
  /** Of the finding. */
  readonly id: string;
  readonly reason: string;
  /** The day on which it was accepted. */
  readonly date: string;
}

const NOT_HERE = 'The registry that wrote package-lock.json lacks the packages of other systems, so it knows no hash.';

/** Findings of `npm run check:supply` that are accepted. One that is not found any more fails the check too. */
export const EXCEPTIONS: readonly Exception[] = ['mac-arm64-metal', 'mac-x64', 'win-arm64', 'win-x64'].map((name) => ({
  id: `integrity @node-llama-cpp/${name}@3.22.1`,
  reason: NOT_HERE,
  date: '2026-11-21',
}));

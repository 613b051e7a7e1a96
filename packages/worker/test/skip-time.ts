import type { TestContext } from 'node:test';

/** Moves the monotonic clock of this process forward until the test ends. Timers are not moved. */
export function skipTime(context: TestContext, milliseconds: number): void {
  const now = performance.now.bind(performance);
  context.mock.method(performance, 'now', () => now() + milliseconds);
}

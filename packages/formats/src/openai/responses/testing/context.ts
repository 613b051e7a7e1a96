import type { AnswerContext } from '../../../call.ts';

/** Returns the context of an answer that arrives at 10 s on the clock of the node and ends 2.5 s later. */
export function testContext(id = '7'): AnswerContext {
  return {
    id,
    createdAt: 1_700_000_000_900,
    startedAt: 10_000,
    beganAt: () => undefined,
    now: () => 12_500,
    model: () => 'tiny',
    peer: () => undefined,
  };
}

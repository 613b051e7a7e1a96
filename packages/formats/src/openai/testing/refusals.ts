import assert from 'node:assert/strict';
import type { JsonObject } from '@shoal/protocol/json';
import { ShoalError } from '@shoal/protocol/error';

/** Fields that make a body invalid, and the beginning of the error's message. */
export type Refusal = readonly [fields: JsonObject, message: string];

/** Each refusal must be `INVALID_REQUEST`, whose message begins as given. */
export function assertRefused(read: (fields: JsonObject) => unknown, refusals: readonly Refusal[]): void {
  for (const [fields, message] of refusals) {
    assert.throws(
      () => read(fields),
      (error) => {
        assert.ok(error instanceof ShoalError);
        assert.deepEqual([error.code, error.message.slice(0, message.length)], ['INVALID_REQUEST', message]);
        return true;
      },
    );
  }
}

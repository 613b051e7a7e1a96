import assert from 'node:assert/strict';
import { mock, test, type TestContext } from 'node:test';
import { LateTimer, SECOND_LOOK_MS } from './late-timer.ts';

/** A timer on a clock that the test moves. */
function fakeTimer(context: TestContext) {
  mock.timers.enable({ apis: ['setTimeout'] });
  context.after(() => mock.timers.reset());
  let now = 0;
  context.mock.method(performance, 'now', () => now);
  let passed = 0;
  const timer = new LateTimer(() => (passed += 1));
  const pass = (ms: number): number => {
    now += ms;
    mock.timers.tick(ms);
    return passed;
  };
  return { timer, pass };
}

test('a time that passes is looked at twice, and reported once', (context) => {
  const { timer, pass } = fakeTimer(context);
  timer.set(1_000);
  assert.equal(pass(1_000), 0);
  assert.equal(pass(SECOND_LOOK_MS - 1), 0);
  assert.equal(pass(1), 1);
  assert.equal(pass(10_000), 1);
});

test('a later time replaces an earlier one, also between the two looks', (context) => {
  const { timer, pass } = fakeTimer(context);
  timer.set(1_000);
  pass(1_000);
  timer.set(2_000);
  assert.equal(pass(999), 0);
  assert.equal(pass(1), 0);
  assert.equal(pass(SECOND_LOOK_MS), 1);
});

test('a timer that is stopped or closed reports nothing, and can be set again', (context) => {
  const { timer, pass } = fakeTimer(context);
  timer.set(1_000);
  timer.stop();
  assert.equal(pass(5_000), 0);
  timer.set(6_000);
  assert.equal(pass(1_000), 0);
  assert.equal(pass(SECOND_LOOK_MS), 1);
  timer.set(8_000);
  timer.close();
  assert.equal(pass(5_000), 1);
});

import assert from 'node:assert/strict';
import { suite, test, type TestContext } from 'node:test';
import { ENGINE_SILENT_MS, SilenceWatch } from './silence-watch.ts';

const TICK_MS = 100;

/** A watch with work, whose time passes in steps. */
function watching(context: TestContext) {
  let now = 0;
  const reasons: string[] = [];
  const watch = new SilenceWatch({ onSilent: (reason) => reasons.push(reason), now: () => now });
  watch.watch(true);
  context.after(() => watch.stop());
  const pass = (ms: number, step = TICK_MS): void => {
    for (let passed = 0; passed < ms && reasons.length === 0; passed += step) {
      now += step;
      watch.tick();
    }
  };
  return { watch, reasons, pass };
}

suite('a process with work', () => {
  test('that stops sending signs is silent within 2 s', (context) => {
    const { watch, reasons, pass } = watching(context);
    watch.sign();
    pass(ENGINE_SILENT_MS - TICK_MS);
    assert.deepEqual(reasons, []);
    pass(2_000 - ENGINE_SILENT_MS);
    assert.deepEqual(reasons, ['it was silent for 1.75 s while it had requests']);
  });

  test('that sends signs but no progress is ended after two minutes', (context) => {
    const { watch, reasons, pass } = watching(context);
    for (let second = 0; second < 119; second++) {
      watch.sign();
      pass(1_000);
    }
    assert.deepEqual(reasons, []);
    watch.sign();
    pass(1_000);
    assert.deepEqual(reasons, ['it made no progress for 120 s while it had requests']);
  });

  test('that makes progress is never ended', (context) => {
    const { watch, reasons, pass } = watching(context);
    for (let second = 0; second < 300; second++) {
      watch.sign();
      watch.progress();
      pass(1_000);
    }
    assert.deepEqual(reasons, []);
  });

  test('that has never sent a sign is not expected to', (context) => {
    const { reasons, pass } = watching(context);
    pass(10_000);
    assert.deepEqual(reasons, []);
  });

  test('is not silent while this process does not run', (context) => {
    const { watch, reasons, pass } = watching(context);
    watch.sign();
    pass(60_000, 60_000);
    assert.deepEqual(reasons, []);
  });
});

import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { ShoalError } from '@shoal/protocol/error';
import type { BatchResult } from '@shoal/client/batch';
import { temporaryFolder } from '../testing/run-shoal.ts';
import { BatchOutput, type OutputOptions } from './output.ts';

const DIGEST = 'a'.repeat(64);

const answer = (line: number): BatchResult => ({
  line,
  customId: `q${line}`,
  answer: { text: 'yes', finishReason: 'stop' },
});
const failure = (line: number): BatchResult => ({
  line,
  customId: `q${line}`,
  error: ShoalError.invalidRequest('No.'),
});

class Files {
  readonly options: OutputOptions;

  constructor(folder: string) {
    const [output, errors] = [join(folder, 'a.output.jsonl'), join(folder, 'a.errors.jsonl')];
    this.options = { output, errors, digest: DIGEST, total: 9, order: 'input', restart: false };
  }

  open(options: Partial<OutputOptions> = {}): Promise<BatchOutput> {
    return BatchOutput.open({ ...this.options, ...options });
  }

  /** Writes these and ends. */
  async write(results: readonly BatchResult[], options: Partial<OutputOptions> = {}): Promise<void> {
    const output = await this.open(options);
    for (const result of results) await output.write(result);
    await output.close();
  }

  get answers(): string[] {
    return idsIn(this.options.output);
  }

  get errors(): string[] {
    return idsIn(this.options.errors);
  }
}

function idsIn(path: string): string[] {
  const lines = readFileSync(path, 'utf8').split('\n');
  assert.equal(lines.pop(), '');
  return lines.map((line): string => JSON.parse(line).custom_id);
}

test('with retryFailed, only the lines that failed are open again, written or held', async (t) => {
  const files = new Files(temporaryFolder(t));
  await files.write([answer(1), failure(2), failure(4), answer(5)]);
  const output = await files.open({ retryFailed: true });
  assert.deepEqual([output.answered, output.failed], [2, 0]);
  assert.deepEqual(
    [1, 2, 3, 4, 5].filter((line) => !output.has(line)),
    [2, 3, 4],
  );
  for (const result of [answer(2), answer(3), failure(4)]) await output.write(result);
  await output.close();
  assert.deepEqual([files.answers.toSorted(), files.errors], [['q1', 'q2', 'q3', 'q5'], ['q4']]);
});

test('results are written in input order, and failures to another file', async (t) => {
  const files = new Files(temporaryFolder(t));
  const output = await files.open();
  for (const result of [answer(3), failure(2), answer(5)]) await output.write(result);
  assert.deepEqual(files.answers, []);
  await output.write(answer(1));
  assert.deepEqual(files.answers, ['q1', 'q3']);
  // Line 4 is blank.
  output.skip(4);
  await output.close();
  assert.deepEqual([files.answers, files.errors], [['q1', 'q3', 'q5'], ['q2']]);
  assert.deepEqual([output.answered, output.failed], [3, 1]);
});

test('with --order completion results are written at once, and an empty file of errors is removed', async (t) => {
  const files = new Files(temporaryFolder(t));
  await files.write([answer(3), answer(1)], { order: 'completion' });
  assert.deepEqual(files.answers, ['q3', 'q1']);
  assert.equal(existsSync(files.options.errors), false);
});

test('results that wait for earlier ones are written by the next run', async (t) => {
  const files = new Files(temporaryFolder(t));
  await files.write([answer(1), failure(3), answer(4)]);
  assert.deepEqual(files.answers, ['q1']);
  const again = await files.open();
  assert.deepEqual(
    [1, 2, 3, 4, 5].map((line) => again.has(line)),
    [true, false, true, true, false],
  );
  assert.deepEqual([again.answered, again.failed], [2, 1]);
  await again.write(answer(2));
  await again.close();
  assert.deepEqual([files.answers, files.errors], [['q1', 'q2', 'q4'], ['q3']]);
});

test('when all lines are done, held results are written, also after blank lines that were not read', async (t) => {
  const files = new Files(temporaryFolder(t));
  // Line 2 is blank.
  await files.write([answer(5), failure(3), answer(4), answer(1)]);
  assert.deepEqual(files.answers, ['q1']);
  await files.write([], { total: 4 });
  assert.deepEqual([files.answers, files.errors], [['q1', 'q4', 'q5'], ['q3']]);
});

test('a run with --order completion writes the held results of an earlier run at once', async (t) => {
  const files = new Files(temporaryFolder(t));
  await files.write([answer(2), answer(3)]);
  await files.write([answer(1)], { order: 'completion' });
  assert.deepEqual(files.answers, ['q2', 'q3', 'q1']);
});

test('an incomplete last line is removed, and run again', async (t) => {
  const files = new Files(temporaryFolder(t));
  await files.write([answer(1), answer(2)]);
  const whole = readFileSync(files.options.output, 'utf8');
  for (const torn of [1, 20, whole.indexOf('\n')]) {
    writeFileSync(files.options.output, whole);
    appendFileSync(files.options.output, whole.slice(0, torn).replace('_1"', '_3"'));
    const output = await files.open();
    assert.deepEqual([output.has(2), output.has(3)], [true, false]);
    await output.close();
    assert.equal(readFileSync(files.options.output, 'utf8'), whole);
  }
});

test('a second run on the same output is refused', async (t) => {
  const files = new Files(temporaryFolder(t));
  const first = await files.open();
  await assert.rejects(files.open(), { code: 'INVALID_REQUEST', message: /Another run/ });
  await first.close();
  await (await files.open()).close();
});

test('an output of another input is refused without --restart', async (t) => {
  const files = new Files(temporaryFolder(t));
  await files.write([answer(1), failure(2)]);
  const digest = 'b'.repeat(64);
  await assert.rejects(files.open({ digest }), { exitCode: 2, message: /input has changed/ });
  assert.deepEqual(files.answers, ['q1']);
  await files.write([answer(2)], { digest, restart: true, order: 'completion' });
  assert.deepEqual(files.answers, ['q2']);
  assert.equal(existsSync(files.options.errors), false);
});

test('a batch continues with the same file of errors only', async (t) => {
  const files = new Files(temporaryFolder(t));
  await files.write([answer(1)]);
  const errors = `${files.options.errors}.other`;
  await assert.rejects(files.open({ errors }), { exitCode: 2, message: /begun with --errors .*a\.errors\.jsonl/ });
});

test('a file that is not from a batch is not changed', async (t) => {
  const folder = temporaryFolder(t);
  const files = new Files(folder);
  writeFileSync(files.options.output, 'my diary');
  await assert.rejects(files.open(), { exitCode: 2, message: /exists already/ });
  await assert.rejects(files.open({ restart: true }), { exitCode: 2, message: /no results of a batch/ });
  assert.equal(readFileSync(files.options.output, 'utf8'), 'my diary');
  assert.deepEqual(readdirSync(folder), [basename(files.options.output)]);
});

test('other content in an output is an error', async (t) => {
  const files = new Files(temporaryFolder(t));
  await files.write([answer(1)]);
  appendFileSync(files.options.output, 'a note\n');
  await assert.rejects(files.open(), { exitCode: 2, message: /not results of this batch/ });
});

test('a run without a result leaves nothing behind', async (t) => {
  const folder = temporaryFolder(t);
  await new Files(folder).write([]);
  assert.deepEqual(readdirSync(folder), []);
});

test('a custom_id is new once per run', async (t) => {
  const files = new Files(temporaryFolder(t));
  for (let run = 1; run <= 2; run++) {
    const output = await files.open();
    assert.deepEqual([output.isNew('a'), output.isNew('b'), output.isNew('a')], [true, true, false]);
    await output.close();
  }
});

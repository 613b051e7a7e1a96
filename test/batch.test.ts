import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Program } from './harness/program.ts';
import { TestNetwork } from './harness/test-network.ts';
import { Watched } from './harness/watched.ts';

const CLUSTER = 'batch';
/** One answer of two words at a time: 20 answers per second. */
const WORDS_PER_SECOND = 40;

const network = await TestNetwork.open();
const folder = mkdtempSync(join(tmpdir(), 'shoal-batch-'));
after(async () => {
  await network.close();
  rmSync(folder, { recursive: true, force: true });
});

const [victim] = await Promise.all(
  ['Worker1', 'Worker2', 'Worker3'].map((name) => network.startPaced(name, CLUSTER, WORDS_PER_SECOND)),
);

interface Row {
  readonly custom_id: string;
  readonly response: {
    readonly body: { readonly choices: readonly { readonly message: { readonly content: string } }[] };
  };
}

test('a worker is killed, then the batch command, and every line is answered exactly once, in order', async () => {
  const ids = Array.from({ length: 120 }, (_, index) => `line-${index}`);
  const input = join(folder, 'orderly.jsonl');
  const output = join(folder, 'orderly.output.jsonl');
  writeFileSync(input, ids.map((id) => question(id, `answer ${id}`)).join(''));

  const first = begin(input);
  await holds(output, 20, first);
  victim?.signal('SIGKILL');
  await holds(output, 60, first);
  await first.kill();
  const before = readFileSync(output, 'utf8').replace(/[^\n]+$/, '');
  appendFileSync(output, '{"id":"batch_req_');

  const { code, stdout, stderr } = await network.shoal(network.home('asks'), argsFor(input, '--json'));

  assert.equal(code, 0, stderr);
  const written = readFileSync(output, 'utf8');
  assert.ok(written.startsWith(before), 'what was written stays as it was');
  assert.deepEqual(
    rows(output).map(({ custom_id, response }) => [custom_id, response.body.choices[0]?.message.content]),
    ids.map((id) => [id, `answer ${id}`]),
  );
  const { total, answered, failed, errors, done_before: doneBefore } = JSON.parse(stdout);
  assert.deepEqual({ total, answered, failed, errors }, { total: 120, answered: 120, failed: 0, errors: null });
  assert.ok(doneBefore >= before.split('\n').length - 1);
});

test('a second run is refused; Ctrl-C keeps the finished lines; failed lines go to their own file', async () => {
  const input = join(folder, 'faulty.jsonl');
  const output = join(folder, 'faulty.output.jsonl');
  const good = Array.from({ length: 60 }, (_, index) => `good-${index}`);
  const bad = [
    question('good-0', 'the same id'),
    question('tools', 'x').replace('"messages"', '"tools":[{}],"messages"'),
  ];
  writeFileSync(input, [...good.map((id) => question(id, 'two words')), ...bad, 'no JSON\n'].join(''));
  const flags = ['--order', 'completion'];

  const first = begin(input, ...flags);
  await holds(output, 5, first);
  const second = await network.shoal(network.home('asks'), argsFor(input, ...flags));
  assert.equal(second.code, 1);
  assert.match(second.stderr, /Another run writes to this output/);
  first.signal('SIGINT');
  assert.equal(await first.ended(), 130);
  assert.match(first.stderr, /of 63 lines are done\. Run the same command to go on\./);
  const kept = readFileSync(output, 'utf8');

  const { code, stdout } = await network.shoal(network.home('asks'), argsFor(input, ...flags));

  assert.equal(code, 1);
  assert.match(stdout, /^63 lines: 60 answered, 3 failed/);
  assert.ok(readFileSync(output, 'utf8').startsWith(kept));
  assert.deepEqual(new Set(rows(output).map(({ custom_id }) => custom_id)), new Set(good));
  assert.equal(rows(output).length, good.length);
  const errors: { custom_id: string | null; error: { code: string; line: number } }[] = rows(
    join(folder, 'faulty.errors.jsonl'),
  );
  assert.deepEqual(
    errors.map(({ custom_id, error }) => [custom_id, error.code, error.line]),
    [
      ['good-0', 'INVALID_REQUEST', 61],
      ['tools', 'INVALID_REQUEST', 62],
      [null, 'INVALID_REQUEST', 63],
    ],
  );
});

test('without workers in the arguments, the error explains how to give them', async () => {
  const { code, stderr } = await network.shoal(network.home('asks'), ['batch', join(folder, 'faulty.jsonl')]);
  assert.equal(code, 2);
  assert.match(stderr, /--cluster ID/);
});

function question(id: string, content: string): string {
  const body = { messages: [{ role: 'user', content }], max_tokens: 20 };
  return `${JSON.stringify({ custom_id: id, method: 'POST', url: '/v1/chat/completions', body })}\n`;
}

function argsFor(input: string, ...flags: readonly string[]): string[] {
  return ['batch', input, '--cluster', CLUSTER, '--bootstrap', network.bootstrap, ...flags];
}

function begin(input: string, ...flags: readonly string[]): Program {
  return network.begin(network.home('asks'), argsFor(input, ...flags));
}

function rows<Shape = Row>(path: string): Shape[] {
  const lines = readFileSync(path, 'utf8').split('\n');
  assert.equal(lines.pop(), '');
  return lines.map((line): Shape => JSON.parse(line));
}

/** Waits until a file has the given number of lines. */
async function holds(path: string, lines: number, program: Program): Promise<void> {
  const watched = new Watched();
  const watcher = watch(folder, () => watched.changed());
  try {
    await watched.until(
      () => {
        assert.equal(program.exitCode, undefined, program.stderr);
        return countLines(path) >= lines || undefined;
      },
      () => `${lines} lines in ${path}; ${program.stderr}`,
    );
  } finally {
    watcher.close();
  }
}

function countLines(path: string): number {
  try {
    return readFileSync(path, 'utf8').split('\n').length - 1;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 0;
    throw error;
  }
}

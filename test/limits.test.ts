import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const ROOT = join(import.meta.dirname, '..');
const PAGE = 'docs/limits.md';

/** Names that say that a constant is a limit, and so has a row. Others may have one. */
const LIMIT_NAME = /^MAX_|_(MS|BYTES|MAX)$/;
/** `| [NAME](../FILE) | VALUE | what happens at it |` */
const ROW = /^\| \[`([A-Z0-9_]+)`\]\(\.\.\/([^)]+)\) +\| `([^`]+)` +\|/gm;
const TOP_LEVEL_CONSTANT = /^(?:export )?const ([A-Z][A-Z0-9_]*)(?:: [^=]+)? =\s+([^;]+);/gm;

interface Constant {
  readonly name: string;
  readonly file: string;
  /** As the source writes it. */
  readonly value: string;
}

const constants = sourceFiles().flatMap(constantsOf);
const rows = documentedRows();

test('every row of the limits page is a constant of the file that it names, with the value that stands there', () => {
  assert.ok(rows.length > 0, `${PAGE} has no rows`);
  const actual = new Map(constants.map((constant) => [where(constant), constant.value]));
  assert.deepEqual(
    rows.map((row) => ({ ...row, value: actual.get(where(row)) })),
    rows,
  );
});

test('every limit has exactly one row on the limits page', () => {
  const documented = rows.map(where);
  const missing = constants
    .filter(({ name }) => LIMIT_NAME.test(name))
    .filter((one) => !documented.includes(where(one)));
  assert.deepEqual(missing, [], `${PAGE} lacks rows`);
  assert.deepEqual(documented, [...new Set(documented)]);
});

function where({ file, name }: Constant): string {
  return `${file}: ${name}`;
}

/** Contract suites, tests and their tools have constants too; nobody meets those as limits. */
function sourceFiles(): string[] {
  return globSync('{packages,apps}/*/src/**/*.ts', { cwd: ROOT })
    .filter((file) => !file.endsWith('.test.ts') && !/\/(contracts|testing)\//.test(file))
    .toSorted();
}

function constantsOf(file: string): Constant[] {
  return [...read(file).matchAll(TOP_LEVEL_CONSTANT)].map(([, name = '', value = '']) => ({
    name,
    file,
    value: value.replace(/\s+/g, ' ').replace(/ as const$/, ''),
  }));
}

function documentedRows(): Constant[] {
  return [...read(PAGE).matchAll(ROW)].map(([, name = '', file = '', value = '']) => ({ name, file, value }));
}

function read(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const PATH = join(import.meta.dirname, 'surface.json');
const IS_UPDATE = process.env['UPDATE_SURFACE'] === '1';
const ADVICE =
  'What users and scripts depend on has changed. If that is wanted: UPDATE_SURFACE=1 node --test test/surface/surface.test.ts';

const recorded: Readonly<Record<string, unknown>> = JSON.parse(readFileSync(PATH, 'utf8'));
const found: Record<string, unknown> = {};

/** Compares a section of surface.json with what was found. With `UPDATE_SURFACE=1` it is stored for `saveRecord` instead. */
export function checkRecord(section: string, value: unknown): void {
  found[section] = sorted(value);
  if (!IS_UPDATE) assert.deepEqual(value, recorded[section], `${section}: ${ADVICE}`);
}

/** With `UPDATE_SURFACE=1`, replaces the record with the found values. */
export function saveRecord(): void {
  if (IS_UPDATE) writeFileSync(PATH, `${JSON.stringify({ ...recorded, ...found }, undefined, 2)}\n`);
}

/** The key paths of a JSON document, such as `load.active` and `clusters[].id`, sorted. */
export function keyPaths(document: unknown): readonly string[] {
  return [...new Set(pathsBelow(document, ''))].toSorted();
}

/**
 * Like `keyPaths`, for a document whose recorded paths may end in `?`, which marks paths that exist on some machines only. An
 * update keeps the marks, which are set by hand.
 */
export function documentPaths(section: string, name: string, document: unknown): readonly string[] {
  const before = recordedPaths(section, name);
  const optional = before.filter((path) => path.endsWith('?'));
  const always = keyPaths(document).filter((path) => !optional.includes(`${path}?`));
  return [...always, ...optional].toSorted();
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

function recordedPaths(section: string, name: string): readonly string[] {
  const documents = recorded[section];
  if (typeof documents !== 'object' || documents === null) return [];
  const paths: unknown = Object.entries(documents).find(([key]) => key === name)?.[1];
  return Array.isArray(paths) ? paths.map(String) : [];
}

function pathsBelow(value: unknown, path: string): readonly string[] {
  if (Array.isArray(value)) {
    return value.length === 0 ? [`${path}[]`] : value.flatMap((each) => pathsBelow(each, `${path}[]`));
  }
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([key, each]) => pathsBelow(each, path === '' ? key : `${path}.${key}`));
}

import { isMap, type Pair, parseDocument, type YAMLMap } from 'yaml';
import { pairAt } from './place.ts';

/**
 * Returns the text of a JSON object with one value changed, added or, if it is undefined, removed. The rest of the text stays
 * as it is. JSON is YAML, whose parser tells where each value is.
 */
export async function editJson(text: string, keys: readonly string[], value: unknown): Promise<string> {
  if (text.trim() === '') return editJson('{}\n', keys, value);
  const document = parseDocument(text, { uniqueKeys: false });
  let depth = keys.length;
  // The longest part of the keys that leads to something.
  while (depth > 0 && (await pairAt(document, keys.slice(0, depth))) === undefined) depth -= 1;
  const pair = depth === 0 ? undefined : await pairAt(document, keys.slice(0, depth));
  if (value === undefined)
    return depth < keys.length || pair === undefined ? text : without(text, mapOf(document, keys), pair);
  if (pair !== undefined && (depth === keys.length || !isMap(pair.value))) {
    return replaced(text, rangeOf(pair.value), jsonText(nested(keys.slice(depth), value)));
  }
  const map = pair?.value ?? document.contents;
  const member = `${JSON.stringify(keys[depth])}: ${jsonText(nested(keys.slice(depth + 1), value))}`;
  return isMap(map) ? withMember(text, map, member) : text;
}

type Range = readonly [number, number];

function mapOf(document: ReturnType<typeof parseDocument>, keys: readonly string[]): YAMLMap {
  const map = keys.length === 1 ? document.contents : document.getIn(keys.slice(0, -1), true);
  if (!isMap(map)) throw new TypeError('The parent of a member is an object.');
  return map;
}

function withMember(text: string, map: YAMLMap, member: string): string {
  const [start, end] = rangeOf(map);
  const last = map.items.at(-1);
  if (last === undefined) {
    const isTop = text.slice(0, start).trim() === '' && text.slice(end).trim() === '';
    return replaced(text, [start, end], isTop ? `{\n  ${member}\n}` : `{ ${member} }`);
  }
  const [, valueEnd] = rangeOf(last.value);
  return replaced(text, [valueEnd, valueEnd], `,${spaceBefore(text, rangeOf(last.key)[0]) || ' '}${member}`);
}

function without(text: string, { items, ...map }: YAMLMap, pair: Pair): string {
  const index = items.indexOf(pair);
  const [before, after] = [items[index - 1], items[index + 1]];
  const [start] = rangeOf(pair.key);
  const [, end] = rangeOf(pair.value);
  if (before !== undefined) return replaced(text, [rangeOf(before.value)[1], end], '');
  if (after !== undefined) return replaced(text, [start, rangeOf(after.key)[0]], '');
  return replaced(text, rangeOf(map), '{}');
}

function spaceBefore(text: string, offset: number): string {
  return /\s*$/.exec(text.slice(0, offset))?.[0] ?? '';
}

function replaced(text: string, [start, end]: Range, by: string): string {
  return `${text.slice(0, start)}${by}${text.slice(end)}`;
}

/** The start of a node, and the end of its value. */
function rangeOf(node: unknown): Range {
  const range = typeof node === 'object' && node !== null && 'range' in node ? node.range : undefined;
  if (Array.isArray(range) && typeof range[0] === 'number' && typeof range[1] === 'number') return [range[0], range[1]];
  throw new TypeError('A parsed node has a range.');
}

/** The value inside objects of these keys. */
function nested(keys: readonly string[], value: unknown): unknown {
  return keys.reduceRight((inner, key) => ({ [key]: inner }), value);
}

/** JSON on one line, with spaces as people write it. */
function jsonText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(jsonText).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}: ${jsonText(member)}`);
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`;
}

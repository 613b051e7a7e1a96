import type { Document, Pair } from 'yaml';

/** The keys from the top of a document to a value. */
export type Keys = readonly PropertyKey[];

/** A position in a text. Both numbers start at 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** Returns the position of the key, or of the item of a list, in a text of JSON or YAML. Undefined if it is not there. */
export async function placeOf(text: string, keys: Keys): Promise<Place | undefined> {
  const { isNode, LineCounter, parseDocument } = await import('yaml');
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, uniqueKeys: false });
  const pair = await pairAt(document, keys);
  const node = pair?.key ?? document.getIn(keys.map(String), true);
  const offset = isNode(node) ? node.range?.[0] : undefined;
  if (offset === undefined) return undefined;
  const { line, col } = lineCounter.linePos(offset);
  return { line, column: col };
}

/** Returns the member of an object that these keys lead to. */
export async function pairAt(document: Document, keys: Keys): Promise<Pair | undefined> {
  const { isMap, isScalar } = await import('yaml');
  const parent = keys.length === 1 ? document.contents : document.getIn(keys.slice(0, -1), true);
  const name = String(keys.at(-1));
  if (!isMap(parent)) return undefined;
  return parent.items.find(({ key }) => String(isScalar(key) ? key.value : key) === name);
}

import { isCollection, isScalar, isSeq, parseDocument } from 'yaml';

/** Returns the text of a YAML map with one value changed, added or, if it is undefined, removed. Comments stay. */
export function editYaml(text: string, keys: readonly string[], value: unknown): string {
  const document = parseDocument(text);
  const before = document.getIn(keys, true);
  if (value === undefined) {
    if (before !== undefined) document.deleteIn(keys);
  } else if (isSeq(before) && Array.isArray(value)) {
    const kept = (item: unknown): unknown => before.items.find((node) => isScalar(node) && node.value === item);
    before.items = value.map((item: unknown) => kept(item) ?? document.createNode(item));
  } else {
    const node = document.createNode(value);
    if (isCollection(before) && isCollection(node)) {
      node.flow = before.flow ?? false;
      node.comment = before.comment ?? null;
    }
    // A text or number is put into the node that is there, which has its comment.
    document.setIn(keys, isScalar(node) ? value : node);
  }
  // The default would fold long lines.
  return document.toString({ lineWidth: 0 });
}

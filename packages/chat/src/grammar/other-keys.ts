import { classSymbol, JSON_PLAIN, singleRange, withoutRanges } from './characters.ts';
import { literal } from './literal.ts';

interface Node {
  readonly children: Map<string, Node>;
  isEnd: boolean;
}

/**
 * A JSON text that is none of `names`: it leaves them where it has a character that none of them has there. That one is
 * never written as an escape, because that could spell the same name. Uses the rule `char`.
 */
export function otherKeyBody(names: readonly string[]): string {
  const root: Node = { children: new Map(), isEnd: false };
  for (const name of names) insert(root, name);
  return String.raw`"\"" (${bodyOf(root)}) "\""`;
}

function insert(root: Node, name: string): void {
  let node = root;
  for (const char of name) {
    const child = node.children.get(char) ?? { children: new Map<string, Node>(), isEnd: false };
    node.children.set(char, child);
    node = child;
  }
  node.isEnd = true;
}

/** What may come behind the characters that lead to a node. */
function bodyOf({ children, isEnd }: Node): string {
  const ways = [...children].map(([char, child]) => `${charLiteral(char)} (${bodyOf(child)})`);
  const taken = [...children.keys()].map((char) => singleRange(char.codePointAt(0) ?? 0));
  ways.push(`${classSymbol(withoutRanges(JSON_PLAIN, taken))} char*`);
  return isEnd ? ways.join(' | ') : `(${ways.join(' | ')})?`;
}

/** As JSON writes it. */
function charLiteral(char: string): string {
  return literal(JSON.stringify(char).slice(1, -1));
}

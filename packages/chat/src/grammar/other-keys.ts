import { classSymbol, JSON_PLAIN, singleRange, withoutRanges } from './characters.ts';
import { literal } from './literal.ts';

interface Node {
  readonly children: Map<string, Node>;
  isEnd: boolean;
}

/**
 * Returns the rule body of a JSON string that is none of `names`: at some position it has a character that no name has there.
 * That character is never an escape, which could mean the same name. Uses the rule `char`.
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

/** Returns the rule body of what may follow the characters that lead to a node. */
function bodyOf({ children, isEnd }: Node): string {
  const alternatives = [...children].map(([char, child]) => `${charLiteral(char)} (${bodyOf(child)})`);
  const taken = [...children.keys()].map((char) => singleRange(char.codePointAt(0) ?? 0));
  alternatives.push(`${classSymbol(withoutRanges(JSON_PLAIN, taken))} char*`);
  return isEnd ? alternatives.join(' | ') : `(${alternatives.join(' | ')})?`;
}

/** Returns the literal of a character as JSON writes it. */
function charLiteral(char: string): string {
  return literal(JSON.stringify(char).slice(1, -1));
}

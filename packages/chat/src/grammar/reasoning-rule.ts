import { literal } from './literal.ts';

/** Characters of an end marker that tell it from other text in a grammar. */
const TELLING_CHARACTERS = 3;

/** Returns GBNF of the rest of the reasoning, up to its end marker. */
export function reasoningRule(end: string): string {
  const others = Array.from(end.slice(0, TELLING_CHARACTERS), (character, index) => {
    const before = index === 0 ? '' : `${literal(end.slice(0, index))} `;
    return `${before}[^${/[[\]\\^-]/.test(character) ? `\\${character}` : character}]`;
  });
  return `( ${others.join(' | ')} )* ${literal(end)} [ \\n]*`;
}

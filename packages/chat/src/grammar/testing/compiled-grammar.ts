import { isObject } from '@shoal/protocol/json';
import { loadAddon } from '../../testing/addon.ts';

const addon = loadAddon();

/** Returns true if the grammar accepts the whole text. */
export type Compiled = (text: string) => boolean;

/** Compiles a grammar with llama.cpp's own parser. Throws if llama.cpp refuses the grammar. */
export function compile(grammar: string): Compiled {
  const { AddonGrammar } = addon;
  if (typeof AddonGrammar !== 'function') throw new Error('The addon has no AddonGrammar.');
  const options = { addonExports: addon, rootRuleName: 'root' };
  const compiled: unknown = Reflect.construct(AddonGrammar, [grammar, options]);
  if (!isObject(compiled) || typeof compiled.isTextCompatible !== 'function') {
    throw new Error('AddonGrammar has no isTextCompatible.');
  }
  const { isTextCompatible } = compiled;
  return (text) => Reflect.apply(isTextCompatible, compiled, [text]) === true;
}

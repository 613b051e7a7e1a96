import { isObject } from '@shoal/protocol';
import { getLlama } from 'node-llama-cpp';

/** llama.cpp's own reading of grammars, of which node-llama-cpp has no public part that takes a text. */
const llama = await getLlama({ gpu: false, build: 'never' });
const bindings: unknown = Reflect.get(llama, '_bindings');

/** Whether the whole text is one that the grammar allows. Throws where llama.cpp does not take the grammar. */
export type Compiled = (text: string) => boolean;

export function compile(grammar: string): Compiled {
  if (!isObject(bindings) || typeof bindings.AddonGrammar !== 'function')
    throw new Error('node-llama-cpp has changed.');
  const options = { addonExports: bindings, rootRuleName: 'root' };
  const compiled: unknown = Reflect.construct(bindings.AddonGrammar, [grammar, options]);
  if (!isObject(compiled) || typeof compiled.isTextCompatible !== 'function') {
    throw new Error('node-llama-cpp has changed.');
  }
  const { isTextCompatible } = compiled;
  return (text) => Reflect.apply(isTextCompatible, compiled, [text]) === true;
}

/** Ends what reading needs, after the last test. */
export async function disposeCompiler(): Promise<void> {
  await llama.dispose();
}
